//! Law 13, as far as a plan announces limits: pods of a wave, workloads that move at once, restarts a minute.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use meshlift_model::action::ActionKind;
use meshlift_model::defaults::{CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX, RESTARTS_PER_MINUTE_MAX};
use meshlift_model::effect::Change as Wanted;
use meshlift_model::journal::Record;
use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Stage;
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use super::shadow::Shadow;
use super::{Announced, Checker, is_ours, step_ref, violation};
use crate::store::Change;
use crate::witness::{Passed, What};

const LAW: &str = "13";
/// Restarts are counted over so long. Less than a minute by far more than effects take to land: what is handed
/// over a minute apart may land a little closer.
const WINDOW_MILLIS: i64 = 59_000;

/// How much goes on at once.
pub(super) struct Limits<'a> {
    announced: &'a Announced,
    /// Pods of each workload when its first pods went, by step.
    moved: BTreeMap<String, BTreeMap<ObjectRef, usize>>,
    /// Moves that wrote and are not through: step, action, workload.
    rolling: BTreeSet<(String, usize, ObjectRef)>,
    /// Restarts of the last minute, with their pods.
    restarts: VecDeque<(Time, usize)>,
    told: BTreeSet<(String, &'static str)>,
    found: Vec<Violation>,
}

impl<'a> Limits<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        Self {
            announced,
            moved: BTreeMap::new(),
            rolling: BTreeSet::new(),
            restarts: VecDeque::new(),
            told: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    fn tell(&mut self, step: &str, what: &'static str, at: Time, detail: String) {
        if self.told.insert((step.to_owned(), what)) {
            self.found.push(violation(LAW, at, step_ref(step), detail));
        }
    }

    fn wave(&mut self, step: &str, workload: &ObjectRef, now: &Shadow) {
        let stage = self.announced.step(step).map(|step| step.stage);
        let most = match stage {
            Some(Stage::Canary) => self.announced.limits.canary_pods_max,
            Some(Stage::Wave) => Some(self.announced.limits.wave_pods_max),
            Some(
                Stage::Preflight
                | Stage::Crds
                | Stage::ControlPlane
                | Stage::NotBuilt
                | Stage::Gateway
                | Stage::Tag
                | Stage::TagBound
                | Stage::Relabel
                | Stage::Observe
                | Stage::Dark
                | Stage::Cleanup,
            )
            | None => None,
        };
        let Some(most) = most else { return };
        let moved = self.moved.entry(step.to_owned()).or_default();
        // What an autoscaler adds meanwhile was not there to be planned for.
        let planned = self.announced.step(step).into_iter().flat_map(|step| &step.floors);
        let planned = planned.filter(|floor| floor.workload == *workload).map(|floor| floor.replicas).max();
        let planned = planned.and_then(|replicas| usize::try_from(replicas).ok());
        let there = now.pods_of(workload).count().max(1);
        moved.entry(workload.clone()).or_insert(planned.map_or(there, |planned| planned.min(there)));
        let pods: usize = moved.values().sum();
        let namespaces: BTreeSet<&str> = moved.keys().map(|workload| workload.namespace.as_str()).collect();
        if pods > most && (namespaces.len() > 1 || stage == Some(Stage::Canary)) {
            let detail = format!("moved more than the {most} pods that a wave may have");
            self.tell(step, "pods", now.at, detail);
        }
    }

    fn begins(&mut self, step: &str, action: usize, workload: &ObjectRef, now: &Shadow) {
        self.rolling.insert((step.to_owned(), action, workload.clone()));
        let most = self.announced.limits.concurrent_workloads_max;
        if self.rolling.len() > most {
            self.tell(step, "workloads", now.at, format!("more than {most} workloads moved at once"));
        }
        let here = self.rolling.iter().filter(|(.., other)| other.namespace == workload.namespace).count();
        if here > CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX {
            let most = CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX;
            let detail = format!("more than {most} workloads of {} moved at once", workload.namespace);
            self.tell(step, "namespace", now.at, detail);
        }
    }

    fn restarts(&mut self, step: &str, pods: usize, at: Time) {
        self.restarts.retain(|(earlier, _)| at.millis_since(*earlier) < WINDOW_MILLIS);
        let used: usize = self.restarts.iter().map(|(_, pods)| pods).sum();
        self.restarts.push_back((at, pods));
        // A workload that is larger than the limit goes alone.
        if used > 0 && used + pods > RESTARTS_PER_MINUTE_MAX {
            let detail = format!(
                "{} pods were restarted within a minute, {RESTARTS_PER_MINUTE_MAX} may be",
                used + pods
            );
            self.tell(step, "restarts", at, detail);
        }
    }
}

impl Checker for Limits<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        let meant =
            now.cause.filter(|_| is_ours(change, now)).and_then(|effect| now.course.meant.get(&effect));
        let Some(meant) = meant else { return };
        let first = change.before::<Pod>().is_none_or(|pod| pod.metadata.deletion_timestamp.is_none());
        let workload = match &meant.write.change {
            Wanted::TemplateAnnotation { .. } => meant.write.target.clone(),
            Wanted::Evict | Wanted::RecreatePod if first && change.old.is_some() => {
                match change.of::<Pod>() {
                    Some(pod) => now.workload(pod),
                    None => return,
                }
            }
            Wanted::Evict
            | Wanted::RecreatePod
            | Wanted::Labels { .. }
            | Wanted::Replicas { .. }
            | Wanted::AutoscalerMin { .. }
            | Wanted::Partition { .. }
            | Wanted::Strategy { .. }
            | Wanted::Quota { .. }
            | Wanted::Delete
            | Wanted::Restore { .. }
            | Wanted::ApplyCrds { .. }
            | Wanted::InstallRevision { .. }
            | Wanted::SetTag { .. }
            | Wanted::RemoveTag => return,
        };
        let step = meant.step.clone();
        let floors = self.announced.step(&step).into_iter().flat_map(|step| &step.floors);
        let replicas = floors.filter(|floor| floor.workload == workload).map(|floor| floor.replicas).max();
        let whole = matches!(meant.write.change, Wanted::TemplateAnnotation { .. });
        let pods = replicas.and_then(|replicas| usize::try_from(replicas).ok()).filter(|_| whole);
        self.restarts(&step, pods.unwrap_or(1), change.at);
        if !meant.is_back {
            self.wave(&step, &workload, now);
        }
    }

    fn passed(&mut self, passed: &Passed, now: &Shadow) {
        let What::Appended(line) = &passed.what else { return };
        match &line.record {
            Record::Intent { step, action, reverses: None, .. } => {
                let kind = self.announced.step(step).and_then(|step| step.actions.get(*action));
                if let Some(ActionKind::Move(one)) = kind.map(|action| &action.kind) {
                    let workload = one.workload.clone();
                    self.begins(step, *action, &workload, now);
                }
            }
            Record::ActionDone { step, action } => {
                self.rolling.retain(|(of, index, _)| of != step || index != action);
            }
            // What a person or a failure stopped counts no more.
            Record::Undoing { step, .. } | Record::StepEnded { step, .. } => {
                self.rolling.retain(|(of, ..)| of != step);
            }
            Record::Started { .. }
            | Record::StepStarted { .. }
            | Record::Intent { .. }
            | Record::Outcome { .. }
            | Record::Gate { .. }
            | Record::Bake { .. }
            | Record::Approved { .. }
            | Record::Command { .. }
            | Record::Ended { .. } => {}
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
