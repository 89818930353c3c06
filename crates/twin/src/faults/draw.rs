//! Faults drawn from a seed, each where it can strike in this plan.

use meshlift_model::action::{Action, ActionKind, Move, MoveHow};
use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{Deployment, Namespace, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Plan;
use meshlift_model::snapshot::Snapshot;

use super::{Fault, FaultKind, Trigger};
use crate::seed::Seed;

/// How many faults a run has: mostly one, so that its ending can be told by it.
const COUNTS: [usize; 6] = [1, 1, 1, 2, 2, 3];
/// A slow pod takes so much longer, in milliseconds. The slow corner's slowest pods take 50 s themselves:
/// POD_READY_SECONDS_MAX is at least 120.
const SLOW_MILLIS: (i64, i64) = (20_000, 60_000);
/// From the write that a fault is bound to, to the fault, in milliseconds.
const AFTER_WRITE_MILLIS: (i64, i64) = (0, 60_000);
/// From the restart of a workload to a deploy in its middle, in milliseconds: no rollout is faster.
const IN_RESTART_MILLIS: (i64, i64) = (100, 3_000);
/// From Ready to the crash, in milliseconds.
const CRASH_MILLIS: (i64, i64) = (500, 90_000);
/// A process is missing so long, in milliseconds: restarted at once, or by a person.
const AWAY_MILLIS: (i64, i64) = (1_000, 300_000);
/// Which new pod of a workload is struck, at most.
const NUMBER_MAX: i64 = 3;

type Draw = for<'a, 'b> fn(&'a Scene<'b>, Seed) -> Option<Fault>;

/// One draw per kind of fault.
const DRAWS: [Draw; 9] = [
    |scene, seed| scene.slow_pod(seed),
    |scene, seed| scene.never_ready_pod(seed),
    |scene, seed| scene.pod_crash(seed),
    |scene, seed| scene.crash_loop(seed),
    |scene, seed| scene.istiod_restart(seed),
    |scene, seed| scene.scale_up(seed),
    |scene, seed| scene.relabel(seed),
    |scene, seed| scene.foreign_deploy(seed),
    |scene, seed| scene.own_crash(seed),
];

/// The faults of a run, few and survivable. Empty for a plan that does nothing.
#[must_use]
pub fn light(seed: u64, plan: &Plan, snapshot: &Snapshot) -> Vec<Fault> {
    let scene = Scene::new(plan, snapshot);
    let root = Seed::new(seed).child("faults").child("light");
    let count = pick(root.child("count"), &COUNTS).copied().unwrap_or(0);
    (0..).take(count).filter_map(|number| scene.draw(root.child("fault").nth(number))).collect()
}

/// What a plan touches, and when.
struct Scene<'a> {
    plan: &'a Plan,
    snapshot: &'a Snapshot,
    /// Actions with the place of their step.
    actions: Vec<(usize, &'a Action)>,
}

impl<'a> Scene<'a> {
    fn new(plan: &'a Plan, snapshot: &'a Snapshot) -> Self {
        let of_step = |(place, step): (usize, &'a meshlift_model::plan::Step)| {
            step.actions.iter().map(move |action| (place, action))
        };
        let actions = plan.steps.iter().enumerate().flat_map(of_step).collect();
        Self { plan, snapshot, actions }
    }

    /// A fault of the kind that the seed picks, or of the next kind that can strike at all.
    fn draw(&self, seed: Seed) -> Option<Fault> {
        let first = index(seed.child("kind"), DRAWS.len());
        let kinds = DRAWS.iter().cycle().skip(first).take(DRAWS.len());
        kinds.into_iter().find_map(|draw| draw(self, seed))
    }

    fn moves(&self) -> impl Iterator<Item = (usize, &'a Move)> {
        self.actions.iter().filter_map(|(step, action)| {
            let ActionKind::Move(one) = &action.kind else { return None };
            Some((*step, one))
        })
    }

    /// A move of any workload.
    fn any_move(&self, seed: Seed) -> Option<&'a Move> {
        pick(seed.child("victim"), &self.moves().collect::<Vec<_>>()).map(|(_, one)| *one)
    }

    /// Objects that the run writes, with their steps.
    fn written(&self) -> Vec<(usize, ObjectRef)> {
        let of_action = |(step, action): &(usize, &Action)| match &action.kind {
            ActionKind::SelectRevision { namespace, .. } => {
                Some((*step, ObjectRef::cluster(Namespace::KIND, namespace)))
            }
            ActionKind::InstallRevision { creates, .. } => Some((*step, creates.first()?.clone())),
            ActionKind::Move(one) => (one.how == MoveHow::Rollout).then(|| (*step, one.workload.clone())),
            ActionKind::Scale { workload, .. } => Some((*step, workload.clone())),
            ActionKind::ApplyCrds { .. }
            | ActionKind::ProveInjection { .. }
            | ActionKind::SetTag { .. }
            | ActionKind::RemoveTag { .. }
            | ActionKind::RemoveRevision { .. } => None,
        };
        self.actions.iter().filter_map(of_action).collect()
    }

    /// Some moment of the run before a step begins; any moment without one.
    fn moment(&self, seed: Seed, before: Option<usize>) -> Option<Trigger> {
        let mut written = self.written();
        written.retain(|(step, _)| before.is_none_or(|before| *step < before));
        let (_, object) = pick(seed.child("moment"), &written)?.clone();
        Some(Trigger::Written { object, millis: between(seed.child("after"), AFTER_WRITE_MILLIS) })
    }

    fn new_pod(&self, seed: Seed, kind: FaultKind, millis: i64) -> Option<Fault> {
        let victim = self.any_move(seed)?;
        let most = i64::from(victim.replicas).clamp(1, NUMBER_MAX);
        let number = u32::try_from(seed.child("number").between(1, most)).unwrap_or(1);
        Some(Fault { kind, victim: victim.workload.clone(), trigger: Trigger::NewPod { number, millis } })
    }

    fn slow_pod(&self, seed: Seed) -> Option<Fault> {
        self.new_pod(seed, FaultKind::SlowPod { extra_millis: between(seed.child("extra"), SLOW_MILLIS) }, 0)
    }

    fn never_ready_pod(&self, seed: Seed) -> Option<Fault> {
        self.new_pod(seed, FaultKind::NeverReadyPod, 0)
    }

    fn pod_crash(&self, seed: Seed) -> Option<Fault> {
        self.new_pod(seed, FaultKind::PodCrash, between(seed.child("after"), CRASH_MILLIS))
    }

    fn crash_loop(&self, seed: Seed) -> Option<Fault> {
        self.new_pod(seed, FaultKind::CrashLoop, between(seed.child("after"), CRASH_MILLIS))
    }

    fn istiod_restart(&self, seed: Seed) -> Option<Fault> {
        let mut revisions = self.plan.old_revisions.clone();
        revisions.push(self.plan.revision.clone());
        let revision = pick(seed.child("victim"), &revisions)?;
        let trigger = self.moment(seed, None)?;
        let victim = ObjectRef::cluster("Revision", revision.as_str());
        Some(Fault { kind: FaultKind::IstiodRestart, victim, trigger })
    }

    /// Workloads whose namespace is pointed at the new revision later, with room for more pods.
    fn scale_up(&self, seed: Seed) -> Option<Fault> {
        let waits = |step: usize, namespace: &str| {
            self.actions.iter().any(|(of, action)| {
                *of == step && matches!(&action.kind, ActionKind::SelectRevision { namespace: one, .. } if one == namespace)
            })
        };
        let scales = |kind: &str| matches!(kind, Deployment::KIND | StatefulSet::KIND);
        let candidates: Vec<(usize, &Move, i32)> = self
            .moves()
            .filter(|(step, one)| waits(*step, &one.workload.namespace) && scales(&one.workload.kind))
            .filter_map(|(step, one)| Some((step, one, self.room(one)?)))
            .collect();
        let (step, victim, room) = *pick(seed.child("victim"), &candidates)?;
        let extra = i32::try_from(seed.child("extra").between(1, i64::from(room.min(2)))).unwrap_or(1);
        let trigger = self.moment(seed, Some(step))?;
        Some(Fault { kind: FaultKind::ScaleUp { extra }, victim: victim.workload.clone(), trigger })
    }

    /// Pods that a workload may have on top: its autoscaler's word, and no quota that may refuse them.
    fn room(&self, one: &Move) -> Option<i32> {
        let objects = &self.snapshot.objects;
        let namespace = &one.workload.namespace;
        if objects.resource_quotas.iter().any(|quota| quota.metadata.namespace == *namespace) {
            return None;
        }
        let autoscaler = objects.autoscalers.iter().find(|autoscaler| {
            let target = &autoscaler.spec.scale_target_ref;
            autoscaler.metadata.namespace == *namespace
                && (target.kind.as_str(), target.name.as_str()) == (&*one.workload.kind, &*one.workload.name)
        });
        let room = autoscaler.map_or(i32::MAX, |autoscaler| autoscaler.spec.max_replicas - one.replicas);
        (room > 0).then_some(room)
    }

    fn relabel(&self, seed: Seed) -> Option<Fault> {
        let moved = |(_, action): &(usize, &'a Action)| {
            let ActionKind::SelectRevision { namespace, .. } = &action.kind else { return None };
            Some(namespace)
        };
        let namespaces: Vec<&String> = self.actions.iter().filter_map(moved).collect();
        let victim = ObjectRef::cluster(Namespace::KIND, pick(seed.child("victim"), &namespaces)?);
        let to = pick(seed.child("to"), &self.names())?.clone();
        Some(Fault { kind: FaultKind::Relabel { to }, victim, trigger: self.moment(seed, None)? })
    }

    /// Names that a label may point at: tags and revisions that are served.
    fn names(&self) -> Vec<String> {
        let webhooks = &self.snapshot.objects.mutating_webhooks;
        let name = |key| webhooks.iter().filter_map(move |one| one.metadata.label(key));
        let mut names: Vec<String> = name(REV_LABEL).chain(name(TAG_LABEL)).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    fn foreign_deploy(&self, seed: Seed) -> Option<Fault> {
        let rollouts: Vec<&Move> =
            self.moves().map(|(_, one)| one).filter(|one| one.how == MoveHow::Rollout).collect();
        let victim = pick(seed.child("victim"), &rollouts)?.workload.clone();
        let millis = between(seed.child("after"), IN_RESTART_MILLIS);
        let trigger = Trigger::Written { object: victim.clone(), millis };
        Some(Fault { kind: FaultKind::ForeignDeploy, victim, trigger })
    }

    /// A line is about a step, an action, a write or its outcome: six for each action and each step is a good guess.
    fn own_crash(&self, seed: Seed) -> Option<Fault> {
        let lines = i64::try_from(6 * (self.actions.len() + self.plan.steps.len())).ok()?;
        let line = u64::try_from(seed.child("line").between(1, lines)).ok().filter(|_| lines > 0)?;
        let durable = seed.child("durable").value().is_multiple_of(2);
        let kind = FaultKind::OwnCrash { away_millis: between(seed.child("away"), AWAY_MILLIS), durable };
        Some(Fault { kind, victim: ObjectRef::cluster("Run", "rehearsal"), trigger: Trigger::Line(line) })
    }
}

fn between(seed: Seed, (low, high): (i64, i64)) -> i64 {
    seed.between(low, high)
}

fn index(seed: Seed, len: usize) -> usize {
    usize::try_from(seed.value() % len.max(1) as u64).unwrap_or(0)
}

fn pick<T>(seed: Seed, items: &[T]) -> Option<&T> {
    items.get(index(seed, items.len()))
}
