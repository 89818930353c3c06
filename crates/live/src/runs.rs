//! The runs of a cluster: found, begun, taken over, steered.

use meshlift_driver::DriveError;
use meshlift_engine::Run;
use meshlift_kube::Connection;
use meshlift_kube::clock::now;
use meshlift_kube::record::{
    ClusterJournal, Holder, LeaseState, Mailbox, QueuedCommand, RecordError, RunBook, RunSummary,
};
use meshlift_model::journal::{Command, JournalLine, Record, RunResult};
use meshlift_model::plan::Plan;

use crate::LiveError;

/// How long a command that was left for another process is looked for in the journal.
const ANSWER_SECONDS_MAX: i64 = 60;
/// Between two such looks.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// Runs of one plan that are told apart by a number.
const RUNS_OF_PLAN_MAX: usize = 99;

/// The runs of one namespace, as this process sees them.
#[derive(Clone, Debug)]
pub struct Runs {
    connection: Connection,
    namespace: String,
    me: Holder,
}

/// A run that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Name and age.
    pub summary: RunSummary,
    /// All that its journal says.
    pub lines: Vec<JournalLine>,
    /// The fold of that.
    pub run: Run,
    /// Who executes it; absent where nobody ever did.
    pub lease: Option<LeaseState>,
}

impl Found {
    /// Who executes it now, if anybody.
    #[must_use]
    pub fn executor(&self) -> Option<&LeaseState> {
        self.lease.as_ref().filter(|lease| lease.is_alive)
    }

    /// True unless it ended for good.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.run.ended() {
            None | Some((RunResult::Waiting, _)) => true,
            Some((RunResult::Done | RunResult::RolledBack | RunResult::Failed, _)) => false,
        }
    }

    fn unfinished(&self) -> LiveError {
        LiveError::Unfinished { run: self.summary.run.clone(), stands: self.stands() }
    }

    /// Its journal as a file would hold it: one line of JSON each, with its checksum.
    ///
    /// # Errors
    /// Where a line cannot be written down.
    pub fn journal(&self) -> Result<String, LiveError> {
        let mut text = String::new();
        for line in &self.lines {
            let bytes = meshlift_ports::line_bytes("the journal file", line)
                .map_err(|source| RecordError::Journal { run: self.summary.run.clone(), source })?;
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok(text)
    }

    /// Where it stands and who executes it, in one sentence.
    #[must_use]
    pub fn stands(&self) -> String {
        let stands = match self.run.ended() {
            Some((_, reason)) => reason.to_owned(),
            None => "it was not driven to an end".to_owned(),
        };
        match self.executor() {
            Some(lease) => {
                let since = lease.since.map_or_else(String::new, |since| format!(" since {since}"));
                format!("{} executes it{since}", lease.holder)
            }
            None => format!("{stands}; nobody executes it now"),
        }
    }
}

impl Runs {
    /// The runs of a namespace, for a process that calls itself so (a person and a machine).
    #[must_use]
    pub fn new(connection: &Connection, namespace: &str, who: &str) -> Self {
        let me = Holder(format!("{who} (process {}, since {})", std::process::id(), now()));
        Self { connection: connection.clone(), namespace: namespace.to_owned(), me }
    }

    /// Where they are kept.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Refuses where a run is not over: one run at a time changes a mesh.
    ///
    /// # Errors
    /// Where there is one, or they cannot be read.
    pub fn none_open(&self) -> Result<(), LiveError> {
        self.all_over().map(drop)
    }

    /// All runs, where none is open.
    fn all_over(&self) -> Result<Vec<Found>, LiveError> {
        let all = self.all()?;
        match all.iter().find(|found| found.is_open()) {
            Some(open) => Err(open.unfinished()),
            None => Ok(all),
        }
    }

    /// All of them, newest first. One whose first line was never written has not begun, and is left out.
    ///
    /// # Errors
    /// Where they cannot be read or understood.
    pub fn all(&self) -> Result<Vec<Found>, LiveError> {
        let summaries = self.book().runs()?;
        let found = summaries.into_iter().map(|summary| self.found(summary));
        found.filter_map(Result::transpose).collect()
    }

    /// The run of that name; without one, the only run that is under way.
    ///
    /// # Errors
    /// Where there is none, there are several, or it cannot be read.
    pub fn find(&self, name: Option<&str>) -> Result<Found, LiveError> {
        let namespace = || self.namespace.clone();
        if let Some(name) = name {
            let no_run = || RecordError::NoRun { run: name.to_owned(), namespace: namespace() };
            let summary = self.book().run(name)?.ok_or_else(no_run)?;
            return self.found(summary)?.ok_or_else(|| no_run().into());
        }
        let mut open: Vec<Found> = self.all()?.into_iter().filter(Found::is_open).collect();
        match open.len() {
            0 => Err(LiveError::NoneOpen { namespace: namespace() }),
            1 => Ok(open.remove(0)),
            _ => {
                let names: Vec<&str> = open.iter().map(|found| found.summary.run.as_str()).collect();
                Err(LiveError::Several { names: names.join(", ") })
            }
        }
    }

    /// Begins a run of the plan and becomes its executor. Without a name it gets one of its revision and digest.
    ///
    /// # Errors
    /// Where another run is not over, one of that name is there, or the API server refuses.
    pub fn begin(&self, plan: &Plan, name: Option<&str>) -> Result<ClusterJournal, LiveError> {
        let known = self.all_over()?;
        let taken: Vec<&str> = known.iter().map(|found| found.summary.run.as_str()).collect();
        let run = name.map_or_else(|| free_name(plan, &taken), str::to_owned);
        let created = ClusterJournal::create(&self.connection, &self.namespace, &run, &self.me);
        let mut journal = match created {
            // A process died between the two lines below, or is between them now: nothing has begun under this name,
            // and of two that begin it the head lets one write the first line.
            Err(RecordError::Taken { .. }) if self.book().lines(&run)?.is_empty() => {
                self.take_over(&run, true)?
            }
            other => other?,
        };
        if let Some(rival) = self.rival(&run, &taken)? {
            // Without a first line nothing has begun under this name, and without a Lease it is in nobody's way.
            journal.release();
            return Err(rival);
        }
        let begun = meshlift_driver::begin(&mut journal, &run, plan, now());
        begun.map_err(|source: DriveError| LiveError::Stopped { run, source })?;
        Ok(journal)
    }

    /// Another run that appeared since these were listed: begun, or about to be. Of two processes that begin runs at
    /// once, each makes its own claim before it looks for others, so at most one finds nobody.
    fn rival(&self, own: &str, known: &[&str]) -> Result<Option<LiveError>, LiveError> {
        let others = |name: &str| name != own && !known.contains(&name);
        for summary in self.book().runs()?.into_iter().filter(|summary| others(&summary.run)) {
            let run = summary.run.clone();
            let claim = match self.found(summary)? {
                Some(found) => found.is_open().then(|| found.unfinished()),
                None => self.book().lease(&run)?.filter(|lease| lease.is_alive).map(|lease| {
                    let stands = format!("{} begins it at this moment", lease.holder);
                    LiveError::Unfinished { run, stands }
                }),
            };
            if claim.is_some() {
                return Ok(claim);
            }
        }
        Ok(None)
    }

    /// Becomes the executor of a run: where nobody is, or by force.
    ///
    /// # Errors
    /// Where somebody else executes it, or it cannot be read.
    pub fn take_over(&self, run: &str, by_force: bool) -> Result<ClusterJournal, LiveError> {
        let journal = ClusterJournal::take_over(&self.connection, &self.namespace, run, &self.me, by_force)?;
        Ok(journal)
    }

    /// Why all runs are held, if a person holds them.
    ///
    /// # Errors
    /// Where the namespace cannot be read.
    pub fn hold(&self) -> Result<Option<String>, LiveError> {
        Ok(self.book().hold()?)
    }

    /// Leaves a command to whoever executes the run, and waits until it stands in the journal.
    ///
    /// # Errors
    /// Where it does not fit, cannot be left, or is not taken in time.
    pub fn leave(&self, found: &Found, command: &Command, executor: &str) -> Result<(), LiveError> {
        let run = &found.summary.run;
        self.fits(found, command)?;
        let mailbox = Mailbox::new(&self.connection, &self.namespace, run);
        mailbox.post(&QueuedCommand::now(command.clone(), &self.me.0))?;
        let deadline = now().plus_seconds(ANSWER_SECONDS_MAX);
        let same =
            |line: &JournalLine| matches!(&line.record, Record::Command { command: one } if one == command);
        loop {
            let lines = self.book().lines(run)?;
            if lines.iter().skip(found.lines.len()).any(same) {
                return Ok(());
            }
            if now() >= deadline {
                return Err(LiveError::Unanswered {
                    run: run.clone(),
                    executor: executor.to_owned(),
                    command: command.word(),
                    seconds: ANSWER_SECONDS_MAX,
                });
            }
            self.connection.wait(async { tokio::time::sleep(LOOK).await });
        }
    }

    /// Refuses a command that the run cannot take as it stands.
    ///
    /// # Errors
    /// Where it does not fit.
    pub fn fits(&self, found: &Found, command: &Command) -> Result<(), LiveError> {
        let sequence = found.run.next_sequence();
        let record = Record::Command { command: command.clone() };
        let fits = found.run.clone().apply(&JournalLine { sequence, at: now(), record });
        fits.map_err(|error| LiveError::Unfit {
            run: found.summary.run.clone(),
            command: command.word(),
            why: error.why.to_string(),
        })
    }

    /// Removes all that the cluster keeps of a run that is over.
    ///
    /// # Errors
    /// Where it is not over, or the API server refuses.
    pub fn forget(&self, found: &Found) -> Result<usize, LiveError> {
        if found.is_open() {
            return Err(found.unfinished());
        }
        Ok(self.book().forget(&found.summary.run)?)
    }

    fn book(&self) -> RunBook {
        RunBook::new(&self.connection, &self.namespace)
    }

    fn found(&self, summary: RunSummary) -> Result<Option<Found>, LiveError> {
        let lines = self.book().lines(&summary.run)?;
        let Some((first, rest)) = lines.split_first() else { return Ok(None) };
        let illegal = |source| LiveError::Illegal { run: summary.run.clone(), source };
        let mut run = Run::open(first).map_err(illegal)?;
        for line in rest {
            run.apply(line).map_err(illegal)?;
        }
        let lease = self.book().lease(&summary.run)?;
        Ok(Some(Found { summary, lines, run, lease }))
    }
}

/// `1-30-3-0f1b803a`, with a number where an earlier run of the plan is over.
fn free_name(plan: &Plan, taken: &[&str]) -> String {
    let digest: String = plan.digest.chars().take(8).collect();
    let name = format!("{}-{digest}", plan.revision);
    let numbered = (2..=RUNS_OF_PLAN_MAX).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !taken.contains(&name.as_str())).unwrap_or(name)
}
