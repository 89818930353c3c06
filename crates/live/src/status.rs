//! How a run stands, from its journal and its Lease.

use meshlift_engine::Run;
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::journal::{RunResult, StepEnd};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Step;
use meshlift_model::run_report::{Executor, Figures, RunStatus};

use crate::Found;

impl Found {
    /// How it stands; `hold` is a person's word that stops all runs, `flags` are added to proposed commands.
    pub fn status(&self, hold: Option<String>, flags: &str) -> RunStatus {
        let (run, plan) = (&self.run, self.run.plan());
        let executor = self.lease.as_ref().filter(|lease| !lease.holder.is_empty());
        // What somebody drives on has no result yet, whatever its last line says.
        let ended = run.ended().filter(|_| self.executor().is_none());
        RunStatus {
            format_version: FORMAT_VERSION,
            run: self.summary.run.clone(),
            plan: plan.digest.clone(),
            from: plan.from.clone(),
            target: plan.target.clone(),
            revision: plan.revision.clone(),
            result: ended.map(|(result, _)| result),
            reason: ended.map(|(_, reason)| reason.to_owned()).unwrap_or_default(),
            executor: executor.map(|lease| Executor {
                holder: lease.holder.clone(),
                since: lease.since,
                renewed: lease.renewed,
                alive: lease.is_alive,
            }),
            hold,
            steps: run.steps(),
            gates: run.gates(),
            figures: figures(run),
            temporary: run.temporary(),
            waiting: run.waiting_on(),
            forward_only: plan.forward_only.clone(),
            next: self.next(flags),
        }
    }

    fn next(&self, flags: &str) -> Vec<String> {
        let name = &self.summary.run;
        let command = |words: &str| format!("meshlift {words} --run {name}{flags}");
        if self.executor().is_some() {
            return vec![command("status --watch"), command("pause")];
        }
        match self.run.ended() {
            Some((RunResult::Done, _)) => vec![command("cleanup --forget"), command("rollback")],
            Some((RunResult::RolledBack, _)) => vec![command("cleanup --forget")],
            Some((RunResult::Failed, _)) => vec![command("rollback")],
            None | Some((RunResult::Waiting, _)) => {
                let approval = self.awaits_approval().map(|step| command(&format!("approve {step}")));
                let others = [command("resume"), command("rollback")];
                approval.into_iter().chain(others).collect()
            }
        }
    }

    /// The first step that goes on with an approval: it waits for nothing but a person's word.
    fn awaits_approval(&self) -> Option<&str> {
        let waits = |step: &&Step| {
            let approvable = step.approve_after || step.person.as_ref().is_some_and(|one| one.approval);
            let itself = ObjectRef::cluster("Step", &step.id);
            let end = self.run.step_end(&step.id);
            approvable && matches!(end, Some(StepEnd::Waiting { on }) if on.subject == itself)
        };
        self.run.plan().steps.iter().find(waits).map(|step| step.id.as_str())
    }
}

fn figures(run: &Run) -> Figures {
    let done = |step: &&Step| matches!(run.step_end(&step.id), Some(StepEnd::Done));
    Figures {
        makespan_seconds: run.last_at().millis_since(run.started_at()) / 1000,
        pods_moved: run.plan().steps.iter().filter(done).map(|step| step.pods).sum(),
        ..Figures::default()
    }
}
