//! What a choice does to a rollout, and the ready pods that it keeps with it.

use meshlift_mesh::{RolloutRules, Workload};
use meshlift_model::action::{Cure, MoveHow};
use meshlift_model::finding::Consequence;
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::{HorizontalPodAutoscaler, IntOrString, Resource, ResourceQuota};
use meshlift_model::names::ObjectRef;

use crate::choices::Made;
use crate::situation::Situation;

/// How a workload moves once its choices are applied.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    /// What is done around it.
    pub(crate) cures: Vec<Cure>,
    /// Rules as they are for the step.
    pub(crate) rules: RolloutRules,
    /// Desired pods for the step.
    pub(crate) replicas: i32,
    /// Loss that the intent accepts, in words.
    pub(crate) accepted_loss: Option<String>,
    /// A person must confirm that traffic is elsewhere.
    pub(crate) failover: Option<String>,
}

/// Applies the choices of a workload, in the order of the intent.
pub(crate) fn treat(situation: &Situation<'_>, workload: &Workload, made: &[Made<'_>]) -> Treatment {
    let mut treatment = Treatment {
        cures: Vec::new(),
        rules: workload.rules.clone(),
        replicas: workload.replicas,
        accepted_loss: None,
        failover: None,
    };
    for made in made {
        apply(situation, workload, *made, &mut treatment);
    }
    treatment
}

fn apply(situation: &Situation<'_>, workload: &Workload, made: Made<'_>, treatment: &mut Treatment) {
    let words = || format!("{}: {}", made.finding.title, made.choice.reason);
    match &made.choice.choose {
        ChoiceKind::AcceptLoss => treatment.accepted_loss = Some(words()),
        ChoiceKind::FailoverElsewhere => treatment.failover = Some(words()),
        // The pod is away until it is made anew: whoever chooses that accepts it.
        ChoiceKind::DeleteBarePod => treatment.accepted_loss = Some(words()),
        ChoiceKind::ScaleUpFirst => scale_up(situation, workload, treatment),
        ChoiceKind::AllowUnavailable(count) => allow_unavailable(workload, made, *count, treatment),
        ChoiceKind::RaiseQuota(count) => raise_quotas(situation, workload, *count, treatment),
        ChoiceKind::SetPartitionZero => {
            if let RolloutRules::Ordered { partition, written, .. } = &workload.rules
                && *partition > 0
            {
                treatment.cures.push(Cure::SetPartition { from: *partition, to: 0 });
                treatment.rules = RolloutRules::ordered(0, written.clone(), workload.replicas);
            }
        }
        // These change nothing of the rollout: how it moves follows from its rules, or nothing moves.
        ChoiceKind::DeletePods
        | ChoiceKind::RelabelNamespace(_)
        | ChoiceKind::LeaveUninjected
        | ChoiceKind::HoldNamespace
        | ChoiceKind::AcceptUnknown(_)
        | ChoiceKind::AcceptChange => {}
    }
}

fn scale_up(situation: &Situation<'_>, workload: &Workload, treatment: &mut Treatment) {
    let autoscalers = &situation.mesh.snapshot.objects.autoscalers;
    let named = |one: &&HorizontalPodAutoscaler| Some(one.object_ref()) == workload.autoscaler;
    let autoscaler = autoscalers.iter().find(named);
    let autoscaler = autoscaler.map(|one| (one.object_ref(), one.spec.min_replicas.unwrap_or(1)));
    let (from, to) = (workload.replicas, workload.replicas + 1);
    treatment.cures.push(Cure::ScaleUp { from, to, autoscaler });
    treatment.replicas = to;
    treatment.rules = treatment.rules.for_replicas(to);
}

/// Below a PDB: no more than so many at once. Stuck for lack of room: so many less instead of more.
fn allow_unavailable(workload: &Workload, made: Made<'_>, count: i32, treatment: &mut Treatment) {
    let RolloutRules::Rolling { max_unavailable, written, .. } = &treatment.rules else { return };
    let stuck = made.finding.consequence == Consequence::Stuck;
    if !stuck && *max_unavailable <= count {
        return;
    }
    let surge = if stuck { IntOrString::Int(0) } else { written.1.clone() };
    let to = (IntOrString::Int(count), surge);
    treatment.cures.push(Cure::SetStrategy {
        from: (written.0.to_string(), written.1.to_string()),
        to: (to.0.to_string(), to.1.to_string()),
    });
    let max_surge = to.1.scaled(workload.replicas, true).unwrap_or(0);
    treatment.rules = RolloutRules::Rolling { max_unavailable: count, max_surge, written: to };
}

/// Keys of a quota that count pods.
const POD_KEYS: [&str; 2] = ["pods", "count/pods"];

/// Raises each quota of pods that leaves no room.
fn raise_quotas(situation: &Situation<'_>, workload: &Workload, count: i32, treatment: &mut Treatment) {
    let surge = i64::from(surge(&treatment.rules).max(1));
    let quotas = situation.mesh.snapshot.objects.resource_quotas.iter();
    for quota in quotas.filter(|quota| workload.quotas.contains(&quota.object_ref())) {
        for (resource, limit, room) in POD_KEYS.iter().filter_map(|key| pods_of(quota, key)) {
            if room < surge {
                treatment.cures.push(Cure::RaiseQuota {
                    quota: quota.object_ref(),
                    resource,
                    from: limit.to_string(),
                    to: (limit + i64::from(count)).to_string(),
                });
            }
        }
    }
}

/// Key, limit and room of one count of pods in a quota.
fn pods_of(quota: &ResourceQuota, key: &str) -> Option<(String, i64, i64)> {
    let limit: i64 = quota.spec.hard.get(key)?.parse().ok()?;
    let used: i64 = quota.status.used.get(key).and_then(|used| used.parse().ok()).unwrap_or(limit);
    Some((key.to_owned(), limit, limit - used))
}

/// Pods on top of the desired ones while these rules roll.
pub(crate) fn surge(rules: &RolloutRules) -> i32 {
    match rules {
        RolloutRules::Rolling { max_surge, .. } | RolloutRules::PerNode { max_surge, .. } => *max_surge,
        RolloutRules::Recreate
        | RolloutRules::Ordered { .. }
        | RolloutRules::OnDelete
        | RolloutRules::NextRun
        | RolloutRules::Bare
        | RolloutRules::Foreign { .. } => 0,
    }
}

/// Ready pods that a move keeps at least: what its rules take away, nothing else.
pub(crate) fn ready_min(how: MoveHow, rules: &RolloutRules, replicas: i32) -> i32 {
    let taken = match (how, rules) {
        (MoveHow::RecreatePod, _) | (_, RolloutRules::Recreate) => replicas,
        (
            MoveHow::Rollout | MoveHow::AwaitRollout,
            RolloutRules::Rolling { max_unavailable, .. }
            | RolloutRules::PerNode { max_unavailable, .. }
            | RolloutRules::Ordered { max_unavailable, .. },
        ) => *max_unavailable,
        (
            MoveHow::DeletePods | MoveHow::Rollout | MoveHow::AwaitRollout,
            RolloutRules::Rolling { .. }
            | RolloutRules::PerNode { .. }
            | RolloutRules::Ordered { .. }
            | RolloutRules::OnDelete
            | RolloutRules::NextRun
            | RolloutRules::Bare
            | RolloutRules::Foreign { .. },
        ) => 1,
    };
    (replicas - taken).max(0)
}

/// The object that a quota or autoscaler cure writes to, beside the workload.
pub(crate) fn beside(cure: &Cure) -> Option<&ObjectRef> {
    match cure {
        Cure::RaiseQuota { quota, .. } => Some(quota),
        Cure::ScaleUp { autoscaler, .. } => autoscaler.as_ref().map(|(reference, _)| reference),
        Cure::SetStrategy { .. } | Cure::SetPartition { .. } => None,
    }
}
