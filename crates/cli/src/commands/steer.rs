//! `meshlift pause`, `resume`, `approve`, `abort` and `rollback`.

use std::path::PathBuf;

use clap::Args;
use meshlift_driver::DriverPolicy;
use meshlift_kube::tag_documents;
use meshlift_live::{LiveError, script};
use meshlift_model::journal::Command;
use meshlift_model::names::{RevisionName, TagName};

use crate::Exit;
use crate::args::Format;
use crate::console::Console;
use crate::failure::Failure;
use crate::runs::{ClusterArgs, installable, known_step, who};

/// Which run, and how it is driven on where nobody executes it.
#[derive(Clone, Debug, Args)]
pub(crate) struct SteerArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Name of the run [default: the one that is under way]
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// The target's control plane, whole, where it is still to be installed
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Execute the run here although another process does: it finds its next line refused
    #[arg(long)]
    take_over: bool,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    steer: SteerArgs,
    /// Pause once this step of the plan (by its id) is over
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// Grant every approval in this name, visibly in the journal
    #[arg(long, value_name = "WHO")]
    grant_approvals: Option<String>,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Step that waits, by its id
    step: String,
    #[command(flatten)]
    steer: SteerArgs,
    /// Who says yes [default: this user]
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    steer: SteerArgs,
    /// Change nothing: print what takes the run back as a shell script of kubectl commands
    #[arg(long)]
    print_kubectl: bool,
}

pub(crate) fn pause(args: &SteerArgs, console: &Console) -> Result<Exit, Failure> {
    give(args, Command::Pause, DriverPolicy::default(), console)
}

pub(crate) fn resume(args: &ResumeArgs, console: &Console) -> Result<Exit, Failure> {
    let (until, auto_approve) = (args.until.clone(), args.grant_approvals.clone());
    let policy = DriverPolicy { until, auto_approve, ..DriverPolicy::default() };
    give(&args.steer, Command::Resume, policy, console)
}

pub(crate) fn approve(args: &ApproveArgs, console: &Console) -> Result<Exit, Failure> {
    let by = args.by.clone().unwrap_or_else(who);
    let command = Command::Approve { step: args.step.clone(), by };
    give(&args.steer, command, DriverPolicy::default(), console)
}

pub(crate) fn abort(args: &SteerArgs, console: &Console) -> Result<Exit, Failure> {
    give(args, Command::Abort, DriverPolicy::default(), console)
}

pub(crate) fn rollback(args: &RollbackArgs, console: &Console) -> Result<Exit, Failure> {
    if !args.print_kubectl {
        return give(&args.steer, Command::Rollback, DriverPolicy::default(), console);
    }
    let live = args.steer.cluster.open()?;
    let found = live.runs.find(args.steer.run())?;
    let tags = |tag: &TagName, revision: &RevisionName| tag_documents(&live.connection, tag, revision);
    console.print(&script(&found.run, live.runs.namespace(), &tags))?;
    Ok(Exit::Good)
}

/// Gives a command to a run: to whoever executes it, or by executing it here.
pub(crate) fn give(
    args: &SteerArgs,
    command: Command,
    policy: DriverPolicy,
    console: &Console,
) -> Result<Exit, Failure> {
    let live = args.cluster.open()?;
    // A rollback may be of a run that is done: then it must be named.
    let found = live.runs.find(args.run.as_deref())?;
    let plan = found.run.plan();
    let named = match &command {
        Command::Approve { step, .. } => Some(step),
        Command::Pause | Command::Resume | Command::Abort | Command::Rollback => policy.until.as_ref(),
    };
    if let Some(step) = named {
        known_step(step, plan)?;
    }
    live.runs.fits(&found, &command)?;
    let manifest = installable(args.manifest.as_deref(), plan)?;
    if let (Some(executor), false) = (found.executor(), args.take_over) {
        live.runs.leave(&found, &command, &executor.holder)?;
        console.say(&format!("{} has taken `{}`\n", executor.holder, command.word()));
        return live.show(&live.runs.find(Some(&found.summary.run))?, args.output, console);
    }
    if let (Some(why), false) = (live.runs.hold()?, command == Command::Pause) {
        return Err(LiveError::OnHold { namespace: live.runs.namespace().to_owned(), why }.into());
    }
    let journal = live.runs.take_over(&found.summary.run, args.take_over)?;
    let policy = DriverPolicy { commands: vec![command], ..policy };
    live.drive(journal, manifest, policy, args.output, console)
}

impl SteerArgs {
    /// The cluster.
    pub(crate) fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    /// The run's name, if one was given.
    pub(crate) fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }
}
