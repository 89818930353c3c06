//! What a workload needs to get to the new revision, judged by what its pods carry and what they would get.

use meshlift_mesh::{Agreement, Follows, Role, RolloutRules, RolloutState, Workload};
use meshlift_model::action::MoveHow;
use meshlift_model::k8s::{Pod, ReplicaSet, Resource};
use meshlift_model::names::ObjectRef;

use crate::situation::Situation;

/// What a workload needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing, and why.
    Nothing(String),
    /// Its pods are replaced by something else than a restart, and by what.
    ByItself(String),
    /// New pods, made this way.
    Move(MoveHow),
    /// It cannot be moved as it is, and why; no choice decides that.
    Stays(String),
}

/// Judges one workload. Nothing that is not known for certain causes a restart. `served` is false where the name
/// that it follows serves nothing today and the intent says where it goes instead.
pub(crate) fn need(situation: &Situation<'_>, workload: &Workload, served: bool) -> Need {
    if let Some(nothing) = no_sidecar(workload) {
        return Need::Nothing(nothing);
    }
    if let Some(how) = disagreement(situation, workload) {
        return Need::Stays(how);
    }
    if workload.rules == RolloutRules::NextRun {
        return next_run(situation, workload);
    }
    if situation.old_pods(workload) == 0 {
        return Need::Nothing(settled(situation, workload));
    }
    if served && let Some(why) = no_certain_successor(situation, workload) {
        return Need::Stays(why);
    }
    by_rules(situation, workload)
}

/// Why the upgrade has nothing to do with a workload, if so.
fn no_sidecar(workload: &Workload) -> Option<String> {
    let part = match workload.role {
        Role::App | Role::InjectedGateway => None,
        Role::Istiod => Some("is istiod itself"),
        Role::ManagedGateway | Role::Waypoint => Some("is made by istiod's Gateway controller"),
        Role::Ztunnel | Role::Cni => Some("is a node agent, one per cluster"),
    };
    if let Some(part) = part {
        return Some(part.to_owned());
    }
    let carries = workload.now.keys().any(Option::is_some);
    match (&workload.on_restart.revision, carries) {
        (None, false) => Some(format!("has no sidecar: {}", workload.on_restart.why)),
        (Some(revision), false) if !workload.pods.is_empty() => {
            Some(format!("runs without a sidecar and is left so; a restart would give it one of {revision}"))
        }
        (Some(_), false) | (_, true) => None,
    }
}

/// Annotation, image and connection that say different things: unknown, never a reason to restart.
fn disagreement(situation: &Situation<'_>, workload: &Workload) -> Option<String> {
    workload.pods.iter().filter_map(|pod| situation.mesh.pods.get(pod)).find_map(|pod| match &pod.agreement {
        Agreement::Disagree { how } => Some(format!("what {} runs is not certain: {how}", pod.pod.short())),
        Agreement::None | Agreement::Agreed { .. } | Agreement::Unread { .. } => None,
    })
}

/// A Job or CronJob: its running pods finish, its next ones come by themselves.
fn next_run(situation: &Situation<'_>, workload: &Workload) -> Need {
    let next_is_old = workload.on_restart.revision.as_ref().is_some_and(|next| situation.is_old(next));
    if next_is_old || situation.old_pods(workload) > 0 {
        return Need::ByItself("its next run gets the new revision; running pods finish".to_owned());
    }
    Need::Nothing(settled(situation, workload))
}

fn settled(situation: &Situation<'_>, workload: &Workload) -> String {
    if workload.pods.is_empty() {
        return "has no running pod; new ones get what its selector says then".to_owned();
    }
    let all_new = workload.now.keys().flatten().all(|revision| *revision == situation.revision);
    if all_new {
        format!("all its pods carry {} already", situation.revision)
    } else {
        "its pods carry a revision that is not older than the target".to_owned()
    }
}

/// Why nobody can say for certain that a new pod would get the new revision, if so.
fn no_certain_successor(situation: &Situation<'_>, workload: &Workload) -> Option<String> {
    let next = &workload.on_restart;
    if let Some(doubt) = next.uncertain.first() {
        return Some(format!("what a new pod would get is not certain: {doubt}"));
    }
    if let Some((configuration, webhook)) = next.also.first() {
        return Some(format!("two injectors match its pods: {webhook} of {configuration} too"));
    }
    let Some(revision) = &next.revision else {
        return Some(format!("a new pod would get no sidecar: {}", next.why));
    };
    let bare = matches!(workload.follows, Follows::Revision { .. });
    if workload.pod_bound && bare && *revision != situation.revision {
        return Some(format!("its own pod template names {revision}; only its owner can change that"));
    }
    None
}

fn by_rules(situation: &Situation<'_>, workload: &Workload) -> Need {
    match &workload.rules {
        RolloutRules::NextRun => next_run(situation, workload),
        RolloutRules::Foreign { owner } => {
            Need::Stays(format!("its pods belong to {owner}, which meshlift does not know how to restart"))
        }
        RolloutRules::Bare => Need::Move(MoveHow::RecreatePod),
        RolloutRules::OnDelete => Need::Move(MoveHow::DeletePods),
        RolloutRules::Rolling { .. }
        | RolloutRules::Recreate
        | RolloutRules::Ordered { .. }
        | RolloutRules::PerNode { .. } => by_state(situation, workload),
    }
}

fn by_state(situation: &Situation<'_>, workload: &Workload) -> Need {
    // New pods get the new revision already: what remains may be to finish a rollout.
    let resolved = workload.on_restart.revision.as_ref() == Some(&situation.revision);
    match &workload.state {
        RolloutState::Settled => Need::Move(MoveHow::Rollout),
        RolloutState::LeftBehind { pods } => {
            let left = |pod: &&ObjectRef| pods.iter().any(|left| *left == *pod.name);
            let finishes = resolved && old_pods(situation, workload).all(|pod| left(&pod));
            Need::Move(if finishes { MoveHow::AwaitRollout } else { MoveHow::Rollout })
        }
        RolloutState::Running | RolloutState::Stuck { .. }
            if resolved && !newest_stay_old(situation, workload) =>
        {
            Need::Move(MoveHow::AwaitRollout)
        }
        RolloutState::Running => {
            Need::Stays("a rollout of its own runs; plan again when it is through".to_owned())
        }
        RolloutState::Stuck { why } => Need::Stays(format!("a rollout of its own cannot go on: {why}")),
    }
}

/// Pods of a workload that carry a revision to be left.
fn old_pods<'a>(situation: &'a Situation<'_>, workload: &'a Workload) -> impl Iterator<Item = &'a ObjectRef> {
    workload.pods.iter().filter(|pod| {
        let facts = situation.mesh.pods.get(*pod);
        facts.and_then(|facts| facts.revision.as_ref()).is_some_and(|revision| situation.is_old(revision))
    })
}

/// True if pods of a Deployment's newest template carry a revision to be left: its rollout would not replace them.
fn newest_stay_old(situation: &Situation<'_>, workload: &Workload) -> bool {
    let objects = &situation.mesh.snapshot.objects;
    let number = |set: &ReplicaSet| {
        set.metadata
            .annotations
            .get(ROLLOUT_NUMBER)
            .and_then(|number| number.parse::<i64>().ok())
            .unwrap_or(0)
    };
    let owned = objects.replica_sets.iter().filter(|set| {
        set.metadata.namespace == workload.workload.namespace
            && set.metadata.controller().is_some_and(|owner| owner.uid == workload.uid)
    });
    let Some(newest) = owned.max_by_key(|set| number(set)) else { return false };
    let of_newest =
        |pod: &Pod| pod.metadata.controller().is_some_and(|owner| owner.uid == newest.metadata.uid);
    let mut old = old_pods(situation, workload);
    old.any(|one| objects.pods.iter().filter(|pod| pod.object_ref() == *one).any(of_newest))
}

/// Annotation by which the Deployment controller numbers its ReplicaSets.
const ROLLOUT_NUMBER: &str = "deployment.kubernetes.io/revision";
