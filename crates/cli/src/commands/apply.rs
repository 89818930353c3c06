//! `meshlift apply PLAN`.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use meshlift_driver::DriverPolicy;
use meshlift_live::LiveError;
use meshlift_mesh::Mesh;
use meshlift_model::journal::Command;
use meshlift_model::plan::{Plan, Stage, Step};
use meshlift_report::plan;

use crate::args::Format;
use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::runs::{ClusterArgs, Live, installable, known_step, who};
use crate::{Exit, mesh};

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Plan file that was reviewed and rehearsed
    plan: PathBuf,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The target's control plane, whole: output of `istioctl manifest generate` that the plan was made with
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Name of the run [default: of its revision and its plan]
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Pause once this step of the plan (by its id) is over
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// Grant every approval in this name, visibly in the journal: for whoever watches traffic elsewhere
    #[arg(long, value_name = "WHO")]
    grant_approvals: Option<String>,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) fn run(args: &ApplyArgs, console: &Console) -> Result<Exit, Failure> {
    let plan = super::plan::read(&args.plan)?;
    if let Some(step) = &args.until {
        known_step(step, &plan)?;
    }
    let manifest = installable(args.manifest.as_deref(), &plan)?;
    let live = args.cluster.open()?;
    if let Some(why) = live.runs.hold()? {
        return Err(LiveError::OnHold { namespace: live.runs.namespace().to_owned(), why }.into());
    }
    live.runs.none_open()?;
    if manifest.is_none()
        && let Some(what) = meshlift_live::installs(&plan)
    {
        let run = args.run.clone().unwrap_or_else(|| plan.revision.to_string());
        return Err(LiveError::NoManifest { run, what }.into());
    }
    still_fits(args, &plan, console)?;
    confirm(args, &plan, &live, console)?;
    let journal = live.runs.begin(&plan, args.run.as_deref())?;
    console.say(&format!("run        {}, kept in namespace {}\n", journal.run(), live.runs.namespace()));
    let policy = DriverPolicy {
        auto_approve: args.grant_approvals.clone(),
        until: args.until.clone(),
        commands: plan_approved(&plan),
        ..DriverPolicy::default()
    };
    live.drive(journal, manifest, policy, args.output, console)
}

/// Whoever said yes has approved the plan; waves have approvals of their own.
fn plan_approved(plan: &Plan) -> Vec<Command> {
    let asks =
        |step: &&Step| step.stage == Stage::Preflight && step.person.as_ref().is_some_and(|one| one.approval);
    plan.steps.iter().filter(asks).map(|step| Command::Approve { step: step.id.clone(), by: who() }).collect()
}

/// The mesh is read once more: a plan of another mesh, or of this one as it was, is refused with what differs.
fn still_fits(args: &ApplyArgs, plan: &Plan, console: &Console) -> Result<(), Failure> {
    let snapshot = mesh::read(&args.cluster.mesh(), console)?;
    let digest = meshlift_snapshot::digest(&snapshot);
    let mesh = Mesh::derive(Arc::new(snapshot));
    meshlift_planner::fits(plan, &mesh, &digest).map_err(|error| Failure::from(error).in_file(&args.plan))
}

fn confirm(args: &ApplyArgs, plan: &Plan, live: &Live, console: &Console) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::NotConfirmed.into());
    }
    console.say(&plan::screen(plan, &[], console.stderr));
    console.say(&format!("Carry this out on {}? [yes/no] ", live.connection.server()));
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(CliError::NotConfirmed.into())
}
