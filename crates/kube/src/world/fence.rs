//! Nothing is written by a process that another one has replaced: not even if it was frozen right before.
//!
//! Most writes are bound to a resourceVersion, which the next executor moves. What is created or applied as a group
//! cannot be: so each write is preceded by a look at the journal's head, unless that was just looked at. Whoever takes
//! a run over waits longer than such a look counts (see [`LOOK_COUNTS`]).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use tokio::time::Instant;

use super::Actor;
use super::call::Calls;
use super::failure::CallError;
use crate::record::executor_of;

/// How long a look at the journal's head counts.
pub(crate) const LOOK_COUNTS: Duration = Duration::from_secs(2);

/// Who may write, and when that was last seen.
pub(super) struct Fence {
    path: String,
    executor: String,
    seen: Mutex<Option<Instant>>,
}

impl Fence {
    /// The fence of a run; absent where no other process could execute it.
    pub(super) fn of(run: &Actor) -> Option<Self> {
        let executor = run.executor.clone()?;
        let path = crate::record::head_path(&run.namespace, &run.run);
        Some(Self { path, executor, seen: Mutex::new(None) })
    }

    /// Passes while this process executes the run.
    pub(super) async fn hold(&self, calls: &Calls, request: &str) -> Result<(), CallError> {
        let last = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|at| at.elapsed() < LOOK_COUNTS) {
            return Ok(());
        }
        // It counts from before the question: the answer may be old when it is read.
        let asked = Instant::now();
        let head: Option<ConfigMap> = calls.get(&self.path).await?;
        let executor = head.as_ref().map(executor_of).unwrap_or_default();
        if executor == self.executor && asked.elapsed() < LOOK_COUNTS {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
            return Ok(());
        }
        let why = match executor.as_str() {
            "" => "the run's journal is not there".to_owned(),
            other if other == self.executor => "the look at the run's journal took too long".to_owned(),
            other => format!("{other} executes this run now"),
        };
        let (request, why) = (request.to_owned(), format!("not sent: {why}"));
        Err(CallError::Lost { request, why, unsent: false })
    }
}
