//! What one judgement sees: answers since its task last acted, the journal, and the time.

use meshlift_model::defaults::{POLL_SECONDS, ROLLOUT_SECONDS_MAX};
use meshlift_model::effect::{
    EffectId, FindingView, InjectionProof, Observation, Query, RevisionView, WorkloadView, Write,
};
use meshlift_model::k8s::{Object, ObjectMeta};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plan::{Plan, Step};
use meshlift_model::plant::{Plant, is_planted};
use meshlift_model::time::Time;

use crate::cohort::Cohort;
use crate::ledger::{Intended, Ledger, StepLedger};
use crate::next::{Blame, Judged, Next, Trouble, Wait};

/// Seconds in which something that does not hold may still come true.
const PATIENCE_SECONDS_MAX: i64 = 120;

/// See the module.
pub(crate) struct Look<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) step: usize,
    /// Time of the input that caused the judgement.
    pub(crate) now: Time,
    /// When the task began, in this process.
    pub(crate) began: Time,
    pub(crate) answers: &'a [(Query, Observation)],
}

/// Answer to [`Query::Tag`]: what webhook and Service point at.
pub(crate) type TagForms<'a> = (Option<&'a RevisionName>, Option<&'a RevisionName>);

macro_rules! answer {
    ($look:expr, $query:expr, $pattern:pat => $value:expr) => {
        match $look.ask($query)? {
            $pattern => Ok($value),
            other => Err(Next::hold(format!("the world answered something else: {other:?}"))),
        }
    };
}

impl<'a> Look<'a> {
    pub(crate) fn plan(&self) -> &'a Plan {
        &self.ledger.plan
    }

    pub(crate) fn plan_step(&self) -> &'a Step {
        self.ledger.plan_step(self.step)
    }

    pub(crate) fn state(&self) -> &'a StepLedger {
        &self.ledger.steps[self.step]
    }

    /// The answer, or the wish to ask.
    fn ask(&self, query: Query) -> Judged<&'a Observation> {
        let known = self.answers.iter().find(|(asked, _)| *asked == query);
        known.map(|(_, observation)| observation).ok_or_else(|| Next::Ask(vec![query]))
    }

    /// Asks all that is not known yet in one go.
    pub(crate) fn ask_all(&self, queries: impl IntoIterator<Item = Query>) -> Judged<()> {
        let known = |query: &Query| self.answers.iter().any(|(asked, _)| asked == query);
        let missing: Vec<Query> = queries.into_iter().filter(|query| !known(query)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Next::Ask(missing)) }
    }

    pub(crate) fn object(&self, object: &ObjectRef) -> Judged<Option<&'a Object>> {
        let query = Query::Object { object: object.clone() };
        answer!(self, query, Observation::Object { object } => object.as_deref())
    }

    /// The object's metadata; an absent object holds the step.
    pub(crate) fn present(&self, object: &ObjectRef) -> Judged<&'a Object> {
        self.object(object)?.ok_or_else(|| Next::hold(format!("{object} is gone")))
    }

    pub(crate) fn meta(&self, object: &ObjectRef) -> Judged<Option<&'a ObjectMeta>> {
        Ok(self.object(object)?.map(Object::meta))
    }

    pub(crate) fn workload(&self, workload: &ObjectRef) -> Judged<Option<&'a WorkloadView>> {
        let query = Query::Workload { workload: workload.clone() };
        answer!(self, query, Observation::Workload { workload } => workload.as_deref())
    }

    /// The workload; an absent one holds the step.
    pub(crate) fn present_workload(&self, workload: &ObjectRef) -> Judged<&'a WorkloadView> {
        self.workload(workload)?.ok_or_else(|| Next::hold(format!("{workload} is gone")))
    }

    pub(crate) fn stored(&self, object: &ObjectRef) -> Judged<&'a [serde_json::Value]> {
        let query = Query::Stored { object: object.clone() };
        answer!(self, query, Observation::Stored { objects } => objects.as_slice())
    }

    pub(crate) fn tag(&self, tag: &TagName) -> Judged<TagForms<'a>> {
        let query = Query::Tag { tag: tag.clone() };
        answer!(self, query, Observation::Tag { webhook, service } => (webhook.as_ref(), service.as_ref()))
    }

    pub(crate) fn dry_run(
        &self,
        namespace: &str,
        workloads: &[ObjectRef],
        count: usize,
    ) -> Judged<&'a [InjectionProof]> {
        let (namespace, workloads) = (namespace.to_owned(), workloads.to_vec());
        let query = Query::DryRun { namespace, workloads, count };
        answer!(self, query, Observation::DryRun { proofs } => proofs.as_slice())
    }

    pub(crate) fn revision(&self, revision: &RevisionName) -> Judged<Option<&'a RevisionView>> {
        let query = Query::Revision { revision: revision.clone() };
        answer!(self, query, Observation::Revision { revision } => revision.as_ref())
    }

    pub(crate) fn consumers(&self, query: Query) -> Judged<(&'a [String], &'a [String])> {
        answer!(self, query, Observation::Consumers { consumers, unknown } => (consumers, unknown))
    }

    pub(crate) fn census(&self) -> Judged<(usize, &'a str)> {
        answer!(self, Query::Census, Observation::Census { pods, digest } => (*pods, digest.as_str()))
    }

    pub(crate) fn findings(&self) -> Judged<&'a [FindingView]> {
        answer!(self, Query::Findings, Observation::Findings { findings } => findings.as_slice())
    }

    /// Forward writes of an action that may be in effect, in order.
    pub(crate) fn landed(&self, action: usize) -> impl DoubleEndedIterator<Item = (EffectId, &'a Intended)> {
        self.ledger.landed(self.step, action)
    }

    /// When an action first wrote, but not before its task began. Deadlines count from here: time in which
    /// no process drove the run is no time in which the mesh failed to answer.
    pub(crate) fn action_began(&self, action: usize) -> Time {
        let first = self.landed(action).next().map_or(self.began, |(_, intent)| intent.at);
        self.not_before_resumed(first.max(self.began))
    }

    /// The time, or when a person last said go on: deadlines count anew from there.
    pub(crate) fn not_before_resumed(&self, time: Time) -> Time {
        self.state().resumed.map_or(time, |resumed| resumed.max(time))
    }

    /// A workload's pods against the revision that they should carry.
    pub(crate) fn cohort(&self, view: &'a WorkloadView, revision: &'a RevisionName) -> Cohort<'a> {
        let (version, patient_since) = (&self.plan().target, self.state().resumed);
        Cohort { view, revision, version, now: self.now, patient_since }
    }

    /// Looks again at the next poll, or fails once `seconds_max` have passed since `since`.
    pub(crate) fn wait(&self, since: Time, seconds_max: i64, why: impl Into<String>) -> Next {
        let why = why.into();
        if self.now >= since.plus_seconds(seconds_max) {
            return Next::hold(format!("after {seconds_max} s still: {why}"));
        }
        self.wait_until(self.now.plus_seconds(POLL_SECONDS), why)
    }

    /// A judgement that would hold the step may still come right: pods leave, proxies connect, status
    /// settles. It waits for that a while; nothing is started meanwhile, so patience costs nothing.
    pub(crate) fn patiently<T>(&self, since: Time, judged: Judged<T>) -> Judged<T> {
        judged.map_err(|next| match next {
            Next::Fail(Trouble { blame: Blame::Nobody, why }) => self.wait(since, PATIENCE_SECONDS_MAX, why),
            Next::Fail(_) | Next::Ask(_) | Next::Write(_) | Next::Wait(_) | Next::Done(_) => next,
        })
    }

    /// Looks again at the next poll; the general deadline of an action applies.
    pub(crate) fn wait_for_action(&self, action: usize, why: impl Into<String>) -> Next {
        self.wait(self.action_began(action), ROLLOUT_SECONDS_MAX, why)
    }

    pub(crate) fn wait_until(&self, until: Time, why: impl Into<String>) -> Next {
        Next::Wait(Wait { until, why: why.into(), progress: None })
    }

    /// The write, bound to its target as it was read: uid and resourceVersion.
    pub(crate) fn bound(&self, mut write: Write, meta: &ObjectMeta) -> Write {
        if is_planted(Plant::StaleObservationTrusted) {
            return write;
        }
        write.uid = some(&meta.uid);
        write.resource_version = some(&meta.resource_version);
        write
    }

    /// The write, bound to its workload as it was read.
    pub(crate) fn bound_to(&self, mut write: Write, view: &WorkloadView) -> Write {
        if is_planted(Plant::StaleObservationTrusted) {
            return write;
        }
        write.uid = some(&view.uid);
        write.resource_version = some(&view.resource_version);
        write
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A write that is not bound to a version of its target.
pub(crate) fn unbound(target: &ObjectRef, change: meshlift_model::effect::Change) -> Write {
    Write { target: target.clone(), uid: None, resource_version: None, change }
}
