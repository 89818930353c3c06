//! ReplicaSets and their revisions: find the new one, create it, number it, forget the oldest
//! (`deployment/sync.go`, `deployment/util/deployment_util.go`).

use meshlift_model::k8s::{
    Condition, Deployment, ObjectMeta, PodTemplateSpec, ReplicaSet, ReplicaSetSpec, Resource,
};
use meshlift_model::time::Time;

use super::{
    DESIRED_REPLICAS, MAX_REPLICAS, REVISION, REVISION_HISTORY, Rollout, TEMPLATE_HASH, limits, revision_of,
    wanted,
};
use crate::controllers::{history, pods};
use crate::error::ApiError;
use crate::store::DeleteOptions;

/// Most characters of the history annotation.
const HISTORY_CHARACTERS: usize = 2000;

/// Annotations that a ReplicaSet does not inherit.
const NOT_COPIED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The oldest ReplicaSet with the Deployment's template, its hash label aside (`FindNewReplicaSet`).
///
/// Templates are compared as far as they are recorded; of several that look equal, the one that bears the
/// Deployment's own revision is meant.
pub(super) fn find_new(deployment: &Deployment, sets: &[ReplicaSet]) -> Option<usize> {
    let equal = |set: &ReplicaSet| equal_but_hash(&set.spec.template, &deployment.spec.template);
    let own = deployment.metadata.annotation(REVISION);
    let candidates: Vec<usize> = (0..sets.len()).filter(|place| equal(&sets[*place])).collect();
    let named =
        candidates.iter().find(|place| own.is_some() && sets[**place].metadata.annotation(REVISION) == own);
    named.or(candidates.first()).copied()
}

/// `EqualIgnoreHash`.
fn equal_but_hash(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let labels = |template: &PodTemplateSpec| {
        let mut metadata = template.metadata.clone();
        metadata.labels.remove(TEMPLATE_HASH);
        metadata
    };
    a.spec == b.spec && labels(a) == labels(b)
}

impl Rollout<'_> {
    /// `getAllReplicaSetsAndSyncRevision`: numbers the new ReplicaSet, creates it where asked to.
    pub(super) fn sync_revision(&mut self, create: bool) -> Result<(), ApiError> {
        let latest = self.old().iter().map(|place| revision_of(&self.sets[*place])).max().unwrap_or(0);
        match self.newest {
            Some(place) => self.adopt_new(place, latest + 1),
            None if create => self.create_new(latest + 1),
            None => Ok(()),
        }
    }

    /// Brings annotations of an existing new ReplicaSet up to date, and the Deployment's revision.
    fn adopt_new(&mut self, place: usize, revision: i64) -> Result<(), ApiError> {
        let mut set = self.sets[place].clone();
        self.annotate(&mut set, revision, true);
        set.spec.min_ready_seconds = self.deployment.spec.min_ready_seconds;
        if set != self.sets[place] {
            self.sets[place] = self.cluster.store.update(set)?;
            return Ok(());
        }
        let revision = set.metadata.annotation(REVISION).unwrap_or_default().to_owned();
        let name = set.metadata.name.clone();
        let mut changed = self.set_revision(revision);
        let has_progress = self.condition("Progressing").is_some();
        if limits::progress_deadline_seconds(&self.deployment).is_some() && !has_progress {
            self.set_condition(
                "Progressing",
                "True",
                "FoundNewReplicaSet",
                format!("Found new replica set {name:?}"),
            );
            changed = true;
        }
        if changed {
            self.cluster.store.update_status(self.deployment.clone())?;
        }
        Ok(())
    }

    /// Creates the new ReplicaSet with as many replicas as there is room for.
    fn create_new(&mut self, revision: i64) -> Result<(), ApiError> {
        let mut set = self.new_set();
        let replicas = self.new_replicas(&set);
        set.spec.replicas = Some(replicas);
        self.annotate(&mut set, revision, false);
        let created = match self.cluster.store.create(set) {
            Ok(created) => created,
            Err(error) => {
                // A name that is taken by another template: the next try hashes with a higher count.
                if matches!(error, ApiError::AlreadyExists(_)) {
                    *self.deployment.status.collision_count.get_or_insert(0) += 1;
                    self.cluster.store.update_status(self.deployment.clone())?;
                }
                return Err(error);
            }
        };
        let name = created.metadata.name.clone();
        self.newest = Some(self.sets.len());
        self.sets.push(created);
        let mut changed = self.set_revision(revision.to_string());
        if limits::progress_deadline_seconds(&self.deployment).is_some() {
            self.set_condition(
                "Progressing",
                "True",
                "NewReplicaSetCreated",
                format!("Created new replica set {name:?}"),
            );
            changed = true;
        }
        if changed {
            self.cluster.store.update_status(self.deployment.clone())?;
        }
        Ok(())
    }

    fn new_set(&self) -> ReplicaSet {
        let deployment = &self.deployment;
        let mut template = deployment.spec.template.clone();
        let hash = history::template_hash(&template, deployment.status.collision_count);
        template.metadata.labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        let mut selector = deployment.spec.selector.clone();
        selector.match_labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        ReplicaSet {
            metadata: ObjectMeta {
                name: format!("{}-{hash}", deployment.metadata.name),
                namespace: deployment.metadata.namespace.clone(),
                labels: template.metadata.labels.clone(),
                owner_references: vec![pods::controller_of(deployment)].into(),
                ..ObjectMeta::default()
            },
            spec: ReplicaSetSpec {
                replicas: Some(0),
                selector,
                template,
                min_ready_seconds: deployment.spec.min_ready_seconds,
            },
            ..ReplicaSet::default()
        }
    }

    /// `SetNewReplicaSetAnnotations`.
    fn annotate(&self, set: &mut ReplicaSet, revision: i64, exists: bool) {
        for (key, value) in &self.deployment.metadata.annotations {
            if !NOT_COPIED.contains(&key.as_str()) {
                set.metadata.annotations.insert(key.clone(), value.clone());
            }
        }
        let former = set.metadata.annotation(REVISION).map(str::to_owned);
        let number: i64 = match former.as_deref().unwrap_or("0").parse() {
            Ok(number) => number,
            Err(_) => return,
        };
        if number < revision {
            set.metadata.annotations.insert(REVISION.to_owned(), revision.to_string());
            if let Some(former) = former {
                remember(set, &former);
            }
        }
        if !exists {
            self.annotate_replicas(set);
        }
    }

    /// `SetReplicasAnnotations`.
    pub(super) fn annotate_replicas(&self, set: &mut ReplicaSet) {
        let desired = self.replicas();
        let most = desired + limits::max_surge(&self.deployment);
        set.metadata.annotations.insert(DESIRED_REPLICAS.to_owned(), desired.to_string());
        set.metadata.annotations.insert(MAX_REPLICAS.to_owned(), most.to_string());
    }

    fn set_revision(&mut self, revision: String) -> bool {
        let annotations = &mut self.deployment.metadata.annotations;
        if annotations.get(REVISION) == Some(&revision) {
            return false;
        }
        annotations.insert(REVISION.to_owned(), revision);
        true
    }

    /// Deletes the oldest ReplicaSets without pods beyond the history limit (`cleanupDeployment`).
    pub(super) fn clean_up(&mut self) -> Result<(), ApiError> {
        let Some(limit) = self.deployment.spec.revision_history_limit.filter(|limit| *limit != i32::MAX)
        else {
            return Ok(());
        };
        let mut old: Vec<&ReplicaSet> = self
            .old()
            .into_iter()
            .map(|place| &self.sets[place])
            .filter(|set| set.metadata.deletion_timestamp.is_none())
            .collect();
        old.sort_by(|a, b| revision_of(a).cmp(&revision_of(b)).then_with(|| super::by_age(a, b)));
        let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        for set in old.into_iter().take(surplus) {
            let busy = set.status.replicas != 0
                || wanted(set) != 0
                || set.metadata.generation > set.status.observed_generation;
            if !busy {
                self.cluster.store.delete(&set.object_ref(), &DeleteOptions::default())?;
            }
        }
        Ok(())
    }

    pub(super) fn condition(&self, type_: &str) -> Option<&Condition> {
        self.deployment.status.conditions.iter().find(|condition| condition.type_ == type_)
    }

    pub(super) fn set_condition(&mut self, type_: &str, status: &str, reason: &str, message: String) {
        let condition = new_condition(type_, status, reason, message, self.cluster.now());
        replace_condition(&mut self.deployment.status.conditions, condition);
    }
}

/// Keeps a former revision number of a ReplicaSet that is rolled back to.
fn remember(set: &mut ReplicaSet, former: &str) {
    let history = set.metadata.annotations.entry(REVISION_HISTORY.to_owned()).or_default();
    if history.is_empty() {
        *history = former.to_owned();
        return;
    }
    let mut numbers: Vec<&str> = history.split(',').collect();
    numbers.push(former);
    while numbers.len() > 1 && numbers.join(",").len() > HISTORY_CHARACTERS {
        numbers.remove(0);
    }
    *history = numbers.join(",");
}

/// `NewDeploymentCondition`: both times are now, in whole seconds.
pub(super) fn new_condition(
    type_: &str,
    status: &str,
    reason: &str,
    message: String,
    now: Time,
) -> Condition {
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: Some(now.whole_second()),
        last_update_time: Some(now.whole_second()),
    }
}

/// `SetDeploymentCondition`: nothing where status and reason stay; the transition time stays with the status.
pub(super) fn replace_condition(conditions: &mut Vec<Condition>, mut condition: Condition) {
    let former = conditions.iter().find(|former| former.type_ == condition.type_);
    if let Some(former) = former.filter(|former| former.status == condition.status) {
        if former.reason == condition.reason {
            return;
        }
        condition.last_transition_time = former.last_transition_time;
    }
    conditions.retain(|former| former.type_ != condition.type_);
    conditions.push(condition);
}
