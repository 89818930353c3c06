//! This process executes a run: the driver on a live world, with commands from anywhere.

use meshlift_driver::{CheckedWorld, DriverPolicy};
use meshlift_engine::Run;
use meshlift_kube::collect::{Options, collect};
use meshlift_kube::record::{ClusterJournal, Mailbox, QueuedCommand, RecordError};
use meshlift_kube::{Actor, Connection, Installable, LiveOptions, LiveWorld};
use meshlift_model::action::ActionKind;
use meshlift_model::event::{Event, EventKind};
use meshlift_model::journal::{Command, RunResult};
use meshlift_model::plan::{Plan, Step};
use meshlift_ports::{JournalPort, PortError};

use crate::{Interrupt, LiveError, interrupts};

/// What a run is executed with.
pub struct Execution {
    /// The cluster.
    pub connection: Connection,
    /// Namespace in which runs are kept.
    pub namespace: String,
    /// What an installer would apply, whole; absent where nothing is left to install.
    pub installable: Option<Installable>,
    /// What the driver does by itself.
    pub policy: DriverPolicy,
    /// Told when somebody asks this process to stop.
    pub interrupted: Box<dyn Fn(Interrupt) + Send>,
}

impl std::fmt::Debug for Execution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What of the run is still to be installed; nothing if its manifest is not needed any more.
#[must_use]
pub fn needs_manifest(run: &Run) -> Option<String> {
    run.steps_left().find(|step| is_install(step)).map(|step| step.title.clone())
}

/// What a plan installs; nothing if it needs no manifest.
#[must_use]
pub fn installs(plan: &Plan) -> Option<String> {
    plan.steps.iter().find(|step| is_install(step)).map(|step| step.title.clone())
}

fn is_install(step: &Step) -> bool {
    let mut kinds = step.actions.iter().map(|action| &action.kind);
    kinds.any(|kind| matches!(kind, ActionKind::ApplyCrds { .. } | ActionKind::InstallRevision { .. }))
}

/// Drives the run of this journal on until it ends or waits for a person, and says then that nobody executes it.
///
/// # Errors
/// Where a manifest is missing or the run stops; whatever its journal says stays, and it can be resumed.
pub fn drive(
    execution: Execution,
    mut journal: ClusterJournal,
    sink: &mut dyn FnMut(&Event),
) -> Result<RunResult, LiveError> {
    let run = journal.run().to_owned();
    let driven = drive_held(execution, &run, &mut journal, sink);
    journal.release();
    driven
}

fn drive_held(
    execution: Execution,
    run: &str,
    journal: &mut ClusterJournal,
    sink: &mut dyn FnMut(&Event),
) -> Result<RunResult, LiveError> {
    let Execution { connection, namespace, installable, policy, interrupted } = execution;
    let stopped = |source| LiveError::Stopped { run: run.to_owned(), source };
    let known = meshlift_driver::load(&*journal as &dyn JournalPort).map_err(stopped)?;
    let going_back = known.is_rolling_back() || policy.commands.iter().any(is_back);
    if installable.is_none()
        && !going_back
        && let Some(what) = needs_manifest(&known)
    {
        return Err(LiveError::NoManifest { run: run.to_owned(), what });
    }
    let actor = Actor { run: run.to_owned(), namespace, executor: Some(journal.executor().to_owned()) };
    let mut live = world(&connection, actor.clone(), installable);
    let commands = live.commands();
    let listening = interrupts::listen(&connection, commands.clone(), interrupted);
    let mailbox = Mailbox::new(&connection, &actor.namespace, run).watch(move |one| take(&commands, one));
    let plan = known.plan();
    let mut world = CheckedWorld::new(live, plan.intent.clone(), plan.target.clone());
    let driven = meshlift_driver::drive(&mut world, journal, &policy, &mut |event| {
        // Once the run is over, a command from the mailbox would meet nobody.
        if matches!(event.kind, EventKind::RunEnded { .. }) {
            mailbox.abort();
        }
        sink(event);
    });
    mailbox.abort();
    listening.abort();
    driven.map_err(stopped)
}

fn is_back(command: &Command) -> bool {
    match command {
        Command::Rollback | Command::Abort | Command::Pause => true,
        Command::Resume | Command::Approve { .. } => false,
    }
}

/// Hands a command on; one that cannot be read is dropped with its error: whoever left it sees that it never
/// reached the journal.
fn take(commands: &meshlift_kube::Commands, one: Result<QueuedCommand, RecordError>) -> bool {
    match one {
        Ok(one) => commands.send(one.command),
        Err(_) => true,
    }
}

fn world(connection: &Connection, run: Actor, installable: Option<Installable>) -> LiveWorld {
    let own = connection.clone();
    let reader = Box::new(move || {
        collect(&own, &Options::default(), &mut |_| ()).map_err(|error| PortError { reason: told(&error) })
    });
    LiveWorld::new(connection.clone(), LiveOptions { installable, reader, run })
}

/// An error with what caused it, in one line.
fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}
