//! How controllers replace pods, and whether a rollout runs: by Kubernetes' own rules.

use std::collections::BTreeMap;

use meshlift_model::k8s::{
    Condition, ControllerRevision, DaemonSet, Deployment, IntOrString, Pod, RollingUpdate, StatefulSet,
};
use meshlift_model::snapshot::Snapshot;

use crate::facts::{RolloutRules, RolloutState};

/// Label of a pod that names its ControllerRevision (StatefulSet) or its hash (DaemonSet).
pub(crate) const REVISION_HASH: &str = "controller-revision-hash";

/// Rules of a Deployment (k8s.io/kubernetes: pkg/controller/deployment/util, `ResolveFenceposts`).
pub(crate) fn deployment_rules(deployment: &Deployment) -> RolloutRules {
    if deployment.spec.strategy.type_ == "Recreate" {
        return RolloutRules::Recreate;
    }
    let limits = deployment.spec.strategy.rolling_update.clone().unwrap_or_default();
    let quarter = || IntOrString::String("25%".to_owned());
    let written = (limits.max_unavailable.unwrap_or_else(quarter), limits.max_surge.unwrap_or_else(quarter));
    let replicas = deployment.spec.replicas.unwrap_or(1);
    let (max_unavailable, max_surge) = resolve(&written, replicas, false);
    RolloutRules::Rolling { max_unavailable, max_surge, written }
}

/// Limits as counts. Where both come out as 0, one pod may be missing.
fn resolve(written: &(IntOrString, IntOrString), replicas: i32, unavailable_up: bool) -> (i32, i32) {
    let unavailable = written.0.scaled(replicas, unavailable_up).unwrap_or(0).max(0);
    let surge = written.1.scaled(replicas, true).unwrap_or(0).max(0);
    if unavailable == 0 && surge == 0 { (1, 0) } else { (unavailable, surge) }
}

/// Rules of a StatefulSet.
pub(crate) fn stateful_set_rules(set: &StatefulSet) -> RolloutRules {
    match set.spec.update_strategy.type_.as_str() {
        "OnDelete" => RolloutRules::OnDelete,
        "Recreate" => RolloutRules::Recreate,
        _ => {
            let limits = set.spec.update_strategy.rolling_update.as_ref();
            let written = limits.and_then(|limits| limits.max_unavailable.clone());
            RolloutRules::ordered(partition(set), written, set.spec.replicas.unwrap_or(1))
        }
    }
}

fn partition(set: &StatefulSet) -> i32 {
    set.spec.update_strategy.rolling_update.as_ref().and_then(|limits| limits.partition).unwrap_or(0)
}

/// Rules of a DaemonSet; both limits round up.
pub(crate) fn daemon_set_rules(set: &DaemonSet) -> RolloutRules {
    if set.spec.update_strategy.type_ == "OnDelete" {
        return RolloutRules::OnDelete;
    }
    let limits: RollingUpdate = set.spec.update_strategy.rolling_update.clone().unwrap_or_default();
    let written = (
        limits.max_unavailable.unwrap_or(IntOrString::Int(1)),
        limits.max_surge.unwrap_or(IntOrString::Int(0)),
    );
    let (max_unavailable, max_surge) = resolve(&written, set.status.desired_number_scheduled, true);
    RolloutRules::PerNode { max_unavailable, max_surge }
}

/// State of a Deployment, as `kubectl rollout status` judges it, with what cannot go on told apart.
pub(crate) fn deployment_state(deployment: &Deployment) -> RolloutState {
    let (spec, status) = (&deployment.spec, &deployment.status);
    let replicas = spec.replicas.unwrap_or(1);
    let updated = status.updated_replicas >= replicas && status.replicas <= status.updated_replicas;
    let current = status.observed_generation >= deployment.metadata.generation;
    if current && updated && status.available_replicas >= status.updated_replicas.min(replicas) {
        return RolloutState::Settled;
    }
    let condition = |type_: &str| status.conditions.iter().find(|condition| condition.type_ == type_);
    let failed = condition("ReplicaFailure").filter(|condition| condition.status == "True");
    let overdue = condition("Progressing").filter(|one| one.reason == "ProgressDeadlineExceeded");
    match failed.or(overdue) {
        Some(condition) if current => RolloutState::Stuck { why: words(condition) },
        Some(_) | None if spec.paused && !updated => {
            RolloutState::Stuck { why: "it is paused in the middle of a rollout".to_owned() }
        }
        Some(_) | None => RolloutState::Running,
    }
}

fn words(condition: &Condition) -> String {
    let parts = [condition.reason.as_str(), condition.message.as_str()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

/// The newest ControllerRevision of each StatefulSet and DaemonSet.
pub(crate) struct Newest<'a> {
    by_owner: BTreeMap<(&'a str, &'a str, &'a str), &'a ControllerRevision>,
}

impl<'a> Newest<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut by_owner: BTreeMap<_, &ControllerRevision> = BTreeMap::new();
        for revision in &snapshot.objects.controller_revisions {
            let Some(owner) = revision.metadata.controller() else { continue };
            let key = (owner.kind.as_str(), revision.metadata.namespace.as_str(), owner.name.as_str());
            let newest = by_owner.entry(key).or_insert(revision);
            if revision.revision > newest.revision {
                *newest = revision;
            }
        }
        Self { by_owner }
    }

    fn of(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a ControllerRevision> {
        self.by_owner.get(&(kind, namespace, name)).copied()
    }

    /// What `controller-revision-hash` says on pods of the newest template; `None` where not recorded.
    pub(crate) fn hash(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a str> {
        let revision = self.of(kind, namespace, name)?;
        // A StatefulSet's pods carry the revision's name, a DaemonSet's its hash.
        if kind == "DaemonSet" {
            revision.metadata.label(REVISION_HASH)
        } else {
            Some(&revision.metadata.name)
        }
    }
}

/// True if the pod is of the template that this hash stands for.
pub(crate) fn has_hash(pod: &Pod, hash: &str) -> bool {
    pod.metadata.label(REVISION_HASH) == Some(hash)
}

/// State of a StatefulSet. Judged by pod: with OnDelete, `currentRevision` and `updateRevision` stay
/// different for good (facts of real runs), so these two decide nothing.
pub(crate) fn stateful_set_state(set: &StatefulSet, pods: &[&Pod], newest: Option<&str>) -> RolloutState {
    let newest = newest.unwrap_or(&set.status.update_revision);
    let old: Vec<&&Pod> = pods.iter().filter(|pod| !newest.is_empty() && !has_hash(pod, newest)).collect();
    let current = set.status.observed_generation >= set.metadata.generation;
    let replicas = set.spec.replicas.unwrap_or(1);
    let full = set.status.available_replicas >= replicas;
    let stays = |pod: &Pod| set.spec.update_strategy.type_ == "OnDelete" || stays_behind(set, pod);
    if !current || !full || old.iter().any(|pod| !stays(pod)) {
        return RolloutState::Running;
    }
    left_behind(old)
}

/// True for pods below the set's partition: a rollout does not reach them.
pub(crate) fn stays_behind(set: &StatefulSet, pod: &Pod) -> bool {
    let rolling = set.spec.update_strategy.type_ != "OnDelete";
    rolling && ordinal(pod).is_some_and(|ordinal| ordinal < partition(set))
}

/// State of a DaemonSet, by pod where its ControllerRevisions were recorded.
pub(crate) fn daemon_set_state(set: &DaemonSet, pods: &[&Pod], newest: Option<&str>) -> RolloutState {
    let status = &set.status;
    let current = status.observed_generation >= set.metadata.generation;
    let full = status.number_available >= status.desired_number_scheduled;
    let old: Vec<&&Pod> = match newest {
        Some(newest) => pods.iter().filter(|pod| !has_hash(pod, newest)).collect(),
        None => Vec::new(),
    };
    let on_delete = set.spec.update_strategy.type_ == "OnDelete";
    let updated = on_delete || status.updated_number_scheduled >= status.desired_number_scheduled;
    if !current || !full || !updated || (!on_delete && !old.is_empty()) {
        return RolloutState::Running;
    }
    left_behind(old)
}

fn left_behind(old: Vec<&&Pod>) -> RolloutState {
    if old.is_empty() {
        return RolloutState::Settled;
    }
    RolloutState::LeftBehind { pods: old.into_iter().map(|pod| pod.metadata.name.clone()).collect() }
}

/// Ordinal of a StatefulSet's pod.
fn ordinal(pod: &Pod) -> Option<i32> {
    pod.metadata.name.rsplit_once('-')?.1.parse().ok()
}
