//! What verbs of live runs share: the cluster that the flags name, and driving with progress.

use std::path::{Path, PathBuf};

use clap::Args;
use meshlift_driver::DriverPolicy;
use meshlift_kube::record::{ClusterJournal, RUN_NAMESPACE};
use meshlift_kube::{Connection, Installable};
use meshlift_live::{Execution, Found, Interrupt, Runs};
use meshlift_model::event::Event;
use meshlift_model::journal::RunResult;
use meshlift_model::plan::Plan;
use meshlift_report::status;
use meshlift_views::kubectl::quoted;

use crate::args::{Format, MeshArgs};
use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::progress::Progress;
use crate::{Exit, live};

/// Exit code of a process that was told twice to stop.
const INTERRUPTED: i32 = 130;
/// Letters of a digest that are shown.
const DIGEST_SHOWN: usize = 12;

/// The cluster, and where its runs are kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Kubeconfig [default: as kubectl finds it]
    #[arg(long, value_name = "PATH", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    context: Option<String>,
    /// Namespace in which runs are kept
    #[arg(long, value_name = "NAME", default_value = RUN_NAMESPACE, help_heading = "Cluster")]
    namespace: String,
}

/// A cluster and its runs.
pub(crate) struct Live {
    pub(crate) connection: Connection,
    pub(crate) runs: Runs,
    args: ClusterArgs,
}

impl ClusterArgs {
    pub(crate) fn open(&self) -> Result<Live, Failure> {
        let connection = live::connect(&self.mesh())?;
        let runs = Runs::new(&connection, &self.namespace, &who());
        Ok(Live { connection, runs, args: self.clone() })
    }

    /// The same cluster, as a place to read a mesh from.
    pub(crate) fn mesh(&self) -> MeshArgs {
        let (kubeconfig, context) = (self.kubeconfig.clone(), self.context.clone());
        MeshArgs { snapshot: None, demo: false, kubeconfig, context }
    }

    /// The same flags, for commands that meshlift proposes.
    fn flags(&self) -> String {
        let namespace = if self.namespace == RUN_NAMESPACE {
            String::new()
        } else {
            format!(" --namespace {}", quoted(&self.namespace))
        };
        format!("{}{namespace}", self.mesh().flags())
    }
}

impl Live {
    /// Prints how a run stands; the exit code says whether it came to a good end, or is on its way.
    pub(crate) fn show(&self, found: &Found, output: Format, console: &Console) -> Result<Exit, Failure> {
        let status = found.status(self.runs.hold()?, &self.args.flags());
        match output {
            Format::Table => console.print(&status::screen(&status, console.stdout))?,
            Format::Json => console.print_json(&status)?,
        }
        // What is under way has not said no; what nobody drives on has not come to a good end.
        let is_driven = status.executor.is_some_and(|executor| executor.alive);
        let is_good = status.result.map_or(is_driven, |result| result == RunResult::Done);
        Ok(if is_good { Exit::Good } else { Exit::No })
    }

    /// Drives a run in this process until it ends or waits, then prints how it stands.
    pub(crate) fn drive(
        &self,
        journal: ClusterJournal,
        installable: Option<Installable>,
        policy: DriverPolicy,
        output: Format,
        console: &Console,
    ) -> Result<Exit, Failure> {
        let name = journal.run().to_owned();
        let found = self.runs.find(Some(&name))?;
        let progress = Progress::new(console, found.run.started_at(), found.run.plan());
        let (talk, resume) = (*console, format!("meshlift resume --run {name}{}", self.args.flags()));
        let execution = Execution {
            connection: self.connection.clone(),
            namespace: self.args.namespace.clone(),
            installable,
            policy,
            interrupted: Box::new(move |interrupt| interrupted(interrupt, &talk, &resume)),
        };
        let driven = meshlift_live::drive(execution, journal, &mut |event: &Event| progress.show(event));
        progress.finish();
        let result = driven?;
        self.show(&self.runs.find(Some(&name))?, output, console)?;
        Ok(if result == RunResult::Done { Exit::Good } else { Exit::No })
    }
}

#[expect(clippy::exit, reason = "a person asked twice to stop at once; the journal is written ahead")]
fn interrupted(interrupt: Interrupt, console: &Console, resume: &str) {
    match interrupt {
        Interrupt::First => console.say(&format!(
            "pausing: what is under way ends, nothing new begins; `{resume}` goes on. Again stops at once.\n"
        )),
        Interrupt::Again => {
            console.say(&format!("stopped; `{resume}` goes on where the journal ends\n"));
            std::process::exit(INTERRUPTED);
        }
    }
}

/// The whole manifest of a file, if one was given; it must be the plan's.
pub(crate) fn installable(path: Option<&Path>, plan: &Plan) -> Result<Option<Installable>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let (manifest, documents) = meshlift_snapshot::read_whole_manifest(path)?;
    if plan.manifest_digest.as_ref().is_some_and(|wanted| *wanted != manifest.digest) {
        let shown = |digest: &str| digest.chars().take(DIGEST_SHOWN).collect();
        return Err(CliError::OtherManifest {
            path: path.display().to_string(),
            found: shown(&manifest.digest),
            wanted: shown(plan.manifest_digest.as_deref().unwrap_or_default()),
        }
        .into());
    }
    Ok(Some(Installable { manifest, documents }))
}

/// Refuses a step that the plan does not have.
pub(crate) fn known_step(step: &str, plan: &Plan) -> Result<(), CliError> {
    let known: Vec<String> = plan.steps.iter().map(|step| step.id.clone()).collect();
    if known.iter().any(|id| id == step) {
        return Ok(());
    }
    let waits = plan.waiting.first().map(|on| format!("{}: {}", on.subject, on.reason));
    Err(CliError::UnknownStep { step: step.to_owned(), known, waits })
}

/// Who this is, for people who find a run: user and machine.
pub(crate) fn who() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let host = host.map(|host| host.trim().to_owned());
    format!(
        "{}@{}",
        user.unwrap_or_else(|_| "somebody".to_owned()),
        host.unwrap_or_else(|_| "some machine".to_owned())
    )
}
