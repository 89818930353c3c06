//! Controllers of pods and bare pods, brought into one form.

use std::collections::BTreeMap;

use meshlift_model::defaults::PODS_MAX;
use meshlift_model::k8s::{ObjectMeta, Pod, PodTemplateSpec, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

use crate::bare::BarePod;
use crate::facts::{PodFacts, RolloutRules, RolloutState, Workload};
use crate::in_order::InOrder;
use crate::owner::{KnownPod, Owners, managed_by};
use crate::rollout::{
    Newest, daemon_set_rules, daemon_set_state, deployment_rules, deployment_state, stateful_set_rules,
    stateful_set_state,
};

/// What a workload is by its object alone.
pub(crate) struct Draft<'a> {
    pub(crate) workload: ObjectRef,
    pub(crate) metadata: &'a ObjectMeta,
    pub(crate) template: PodTemplateSpec,
    pub(crate) replicas: i32,
    pub(crate) rules: RolloutRules,
    pub(crate) state: RolloutState,
    pub(crate) min_ready_seconds: i32,
    pub(crate) managed_by: Option<String>,
    /// `controller-revision-hash` of pods of the newest template, where there is such a thing.
    pub(crate) newest: Option<&'a str>,
}

/// Pods and their facts by what restarts them, finished ones too.
pub(crate) type PodsByOwner<'a> = InOrder<&'a ObjectRef, Vec<KnownPod<'a>>>;

/// Workloads that have an object of their own, in the order of their references where lists are in that of names.
pub(crate) fn recorded<'d, 'a>(
    snapshot: &'a Snapshot,
    owners: &'d Owners<'a>,
    pods: &'d PodsByOwner<'a>,
    newest: &'d Newest<'a>,
) -> impl Iterator<Item = Draft<'a>> + use<'d, 'a> {
    let objects = &snapshot.objects;
    let cron_jobs = objects.cron_jobs.iter().map(|cron| {
        let template = &cron.spec.job_template.spec.template;
        draft(cron, template, 0, RolloutRules::NextRun, RolloutState::Settled, 0)
    });
    cron_jobs
        .chain(objects.daemon_sets.iter().map(move |set| daemon_set(set, pods, newest)))
        .chain(objects.deployments.iter().map(deployment))
        .chain(objects.jobs.iter().filter_map(|job| self::job(job, owners)))
        .chain(objects.replica_sets.iter().filter_map(|set| replica_set(set, owners)))
        .chain(objects.stateful_sets.iter().map(move |set| stateful_set(set, pods, newest)))
}

/// Workloads that their pods alone tell of.
pub(crate) fn unrecorded<'a>(
    recorded: &[(ObjectRef, Workload)],
    pods: &PodsByOwner<'a>,
    foreign: &BTreeMap<ObjectRef, String>,
) -> Vec<Draft<'a>> {
    let mut recorded = recorded.iter().map(|(workload, _)| workload).peekable();
    // Both are in order: one look at each is enough.
    let rest = pods.iter().filter(|(owner, _)| {
        while recorded.next_if(|one| *one < **owner).is_some() {}
        recorded.peek() != Some(*owner)
    });
    rest.filter_map(|(owner, pods)| from_pods(owner, pods, foreign.get(*owner))).collect()
}

fn draft<'a, R: Resource>(
    object: &'a R,
    template: &PodTemplateSpec,
    replicas: i32,
    rules: RolloutRules,
    state: RolloutState,
    min_ready_seconds: i32,
) -> Draft<'a> {
    let metadata = object.meta();
    let template = BarePod::of_template(&metadata.namespace, template).to_template();
    Draft {
        workload: object.object_ref(),
        metadata,
        template,
        replicas: replicas.clamp(0, PODS_MAX),
        rules,
        state,
        min_ready_seconds,
        managed_by: managed_by(metadata),
        newest: None,
    }
}

fn deployment(deployment: &meshlift_model::k8s::Deployment) -> Draft<'_> {
    let spec = &deployment.spec;
    draft(
        deployment,
        &spec.template,
        spec.replicas.unwrap_or(1),
        deployment_rules(deployment),
        deployment_state(deployment),
        spec.min_ready_seconds,
    )
}

fn stateful_set<'a>(
    set: &'a meshlift_model::k8s::StatefulSet,
    pods: &PodsByOwner<'a>,
    newest: &Newest<'a>,
) -> Draft<'a> {
    let hash = newest.hash("StatefulSet", &set.metadata.namespace, &set.metadata.name);
    let state = stateful_set_state(set, &running(pods, &set.object_ref()).0, hash);
    let (template, replicas) = (&set.spec.template, set.spec.replicas.unwrap_or(1));
    let made = draft(set, template, replicas, stateful_set_rules(set), state, set.spec.min_ready_seconds);
    Draft { newest: hash, ..made }
}

fn daemon_set<'a>(
    set: &'a meshlift_model::k8s::DaemonSet,
    pods: &PodsByOwner<'a>,
    newest: &Newest<'a>,
) -> Draft<'a> {
    let hash = newest.hash("DaemonSet", &set.metadata.namespace, &set.metadata.name);
    let state = daemon_set_state(set, &running(pods, &set.object_ref()).0, hash);
    let (template, nodes) = (&set.spec.template, set.status.desired_number_scheduled);
    let made = draft(set, template, nodes, daemon_set_rules(set), state, set.spec.min_ready_seconds);
    Draft { newest: hash, ..made }
}

/// A ReplicaSet that no Deployment owns.
fn replica_set<'a>(set: &'a meshlift_model::k8s::ReplicaSet, owners: &Owners<'_>) -> Option<Draft<'a>> {
    if set.metadata.controller().is_some_and(|owner| owner.kind == "Deployment") {
        return None;
    }
    let owner = owners.of_replica_set(set);
    let rules = RolloutRules::Foreign { owner: owner.foreign.unwrap_or_default() };
    let replicas = set.spec.replicas.unwrap_or(1);
    let state = RolloutState::Settled;
    Some(draft(set, &set.spec.template, replicas, rules, state, set.spec.min_ready_seconds))
}

/// A Job that no CronJob owns.
fn job<'a>(job: &'a meshlift_model::k8s::Job, owners: &Owners<'_>) -> Option<Draft<'a>> {
    let owner = owners.of_job(job);
    if owner.workload.kind != "Job" {
        return None;
    }
    let rules = match owner.foreign {
        Some(owner) => RolloutRules::Foreign { owner },
        None => RolloutRules::NextRun,
    };
    let finished = job.status.conditions.iter().any(|condition| {
        ["Complete", "Failed"].contains(&condition.type_.as_str()) && condition.status == "True"
    });
    let replicas = if finished || job.spec.suspend { 0 } else { job.spec.parallelism.unwrap_or(1) };
    Some(draft(job, &job.spec.template, replicas, rules, RolloutState::Settled, 0))
}

/// A bare pod, or pods whose owner was not recorded or is of no kind that meshlift knows. What has finished is nothing
/// that could be moved.
fn from_pods<'a>(
    owner: &ObjectRef,
    pods: &[(&'a Pod, &PodFacts)],
    foreign: Option<&String>,
) -> Option<Draft<'a>> {
    let (pod, _) = pods.iter().find(|(pod, _)| !pod.is_finished())?;
    let rules = match foreign {
        Some(owner) => RolloutRules::Foreign { owner: owner.clone() },
        None => RolloutRules::Bare,
    };
    let running = pods.iter().filter(|(pod, _)| !pod.is_finished()).count();
    Some(Draft {
        workload: owner.clone(),
        metadata: &pod.metadata,
        template: BarePod::of_pod(pod).to_template(),
        replicas: i32::try_from(running).unwrap_or(i32::MAX),
        rules,
        state: RolloutState::Settled,
        min_ready_seconds: 0,
        managed_by: foreign.cloned().or_else(|| managed_by(&pod.metadata)),
        newest: None,
    })
}

/// Pods of a workload that are not finished, and their facts, by name.
pub(crate) fn running<'a>(pods: &PodsByOwner<'a>, owner: &ObjectRef) -> (Vec<&'a Pod>, Vec<&'a PodFacts>) {
    let pods = pods.get(owner).into_iter().flatten().copied();
    let mut pods: Vec<(&Pod, &PodFacts)> = pods.filter(|(pod, _)| !pod.is_finished()).collect();
    pods.sort_by_key(|(pod, _)| &pod.metadata.name);
    pods.into_iter().unzip()
}
