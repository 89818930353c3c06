//! Nothing is written by a process that another one has replaced: not even if it was frozen right before.
//!
//! Most writes are bound to a resourceVersion, which the next executor moves. What is created or applied as a group
//! cannot be: so each write is preceded by a look at the journal's head, unless that was just looked at. Whoever takes
//! a run over waits longer than such a look counts (see [`LOOK_COUNTS`]).

use k8s_openapi::api::core::v1::ConfigMap;
use tokio::time::Instant;

use super::Actor;
use super::moment::Moment;
use crate::record::{LOOK_COUNTS, executor_of, head_path};

/// Who may write, and when that was last seen.
pub(super) struct Fence {
    path: String,
    executor: String,
    seen: Moment,
}

impl Fence {
    /// The fence of a run; absent where no other process could execute it.
    pub(super) fn of(run: &Actor) -> Option<Self> {
        let executor = run.executor.clone()?;
        Some(Self { path: head_path(&run.namespace, &run.run), executor, seen: Moment::default() })
    }

    /// Path of the journal's head.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// True while the last look counts.
    pub(super) fn is_open(&self) -> bool {
        self.seen.is_within(LOOK_COUNTS)
    }

    /// A look at the head, as it was at most since `asked`; an error says why nothing may be written.
    pub(super) fn look(&self, asked: Instant, head: Option<&ConfigMap>) -> Result<(), String> {
        let executor = head.map(executor_of).unwrap_or_default();
        if executor == self.executor {
            // It counts from before the question: the answer may be old when it is read.
            self.seen.set(asked);
            let late = || "not sent: the look at the run's journal took too long".to_owned();
            return if self.is_open() { Ok(()) } else { Err(late()) };
        }
        Err(match executor.as_str() {
            "" => "not sent: the run's journal is not there".to_owned(),
            other => format!("not sent: {other} executes this run now"),
        })
    }
}
