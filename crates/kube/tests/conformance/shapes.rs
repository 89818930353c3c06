//! The scenarios, told as shapes: nothing of them depends on names or on the speed of a machine.

use meshlift_model::defaults::{RESTARTED_AT, REV_LABEL};
use meshlift_model::effect::{
    Change, Effect, Failure, Observation, Outcome, PodView, Query, WorkloadView, Write,
};
use meshlift_model::journal::InputEvent;
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;
use meshlift_ports::WorldPort;

/// Longest that an answer is waited for, and that a rollout may take, in seconds.
const SECONDS_MAX: i64 = 90;
/// How long something that goes on no further is watched, in seconds.
const STUCK_SECONDS: i64 = 8;
/// Between two looks, in milliseconds.
const LOOK_MILLIS: i64 = 100;

/// What came of each act, in order.
pub(crate) type Story = Vec<Told>;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A write: done, or why not.
    Wrote(&'static str),
    /// A workload, watched until it rested or stuck.
    Rolled {
        /// Fewest Ready pods that were not on their way out.
        fewest_ready: usize,
        /// Most pods that were not on their way out.
        most: usize,
        /// In the end: Ready pods, those of the newest template, and what its controller says.
        ready: usize,
        updated: usize,
        rolled_out: bool,
        trouble: bool,
    },
    /// Dry runs: how many were refused.
    Refused(usize),
}

fn act(world: &mut dyn WorldPort, effect: &Effect) -> Outcome {
    world.submit(1, effect);
    let until = world.now().plus_seconds(SECONDS_MAX);
    loop {
        match world.next(Some(until)).event {
            InputEvent::Outcome { outcome, .. } => return outcome,
            InputEvent::Tick => panic!("no outcome of {effect:?} within {SECONDS_MAX} s"),
            InputEvent::Command(_) => {}
        }
    }
}

fn write(world: &mut dyn WorldPort, target: ObjectRef, version: Option<String>, change: Change) -> Told {
    let write = Write { target, uid: None, resource_version: version, change };
    Told::Wrote(match act(world, &Effect::Write(write)) {
        Outcome::Done { .. } => "done",
        Outcome::Failed { failure: Failure::Budget { .. } } => "budget",
        Outcome::Failed { failure: Failure::Conflict { .. } } => "conflict",
        Outcome::Failed { failure } => panic!("{failure}"),
        Outcome::Observed { observation } => panic!("{observation:?}"),
    })
}

fn view(world: &mut dyn WorldPort, workload: &ObjectRef) -> WorkloadView {
    let query = Query::Workload { workload: workload.clone() };
    match act(world, &Effect::Read(query)) {
        Outcome::Observed { observation: Observation::Workload { workload: Some(view) } } => *view,
        other => panic!("{other:?}"),
    }
}

fn pause(world: &mut dyn WorldPort) {
    let until = Time::from_millis(world.now().millis() + LOOK_MILLIS);
    while world.now() < until {
        world.next(Some(until));
    }
}

/// Watches a workload until its controller says that it is through, or for some seconds where it will not be. What is
/// gone by the next look does not count: two controllers act within some milliseconds, in either order.
fn watch(world: &mut dyn WorldPort, workload: &ObjectRef, sticks: bool) -> Told {
    let began = world.now();
    let (mut fewest_ready, mut most) = (usize::MAX, 0);
    let mut last: Option<(usize, usize)> = None;
    let mut rested = false;
    loop {
        let now = view(world, workload);
        let living = || now.pods.iter().filter(|pod| !pod.terminating);
        let ready = living().filter(|pod| pod.ready_since.is_some()).count();
        let seen = (ready, living().count());
        let before = last.replace(seen).unwrap_or(seen);
        (fewest_ready, most) = (fewest_ready.min(seen.0.max(before.0)), most.max(seen.1.min(before.1)));
        let whole = seen.0 == seen.1 && Ok(seen.1) == usize::try_from(now.replicas);
        let rests = whole && now.rolled_out && now.pods.iter().all(|pod| !pod.terminating);
        let late = world.now() >= began.plus_seconds(if sticks { STUCK_SECONDS } else { SECONDS_MAX });
        if late || (rests && rested && !sticks) {
            let updated = living().filter(|pod| pod.updated).count();
            let (rolled_out, trouble) = (now.rolled_out, now.trouble.is_some());
            return Told::Rolled { fewest_ready, most, ready, updated, rolled_out, trouble };
        }
        rested = rests;
        pause(world);
    }
}

fn at(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new(kind, name, name)
}

fn restart(world: &mut dyn WorldPort, workload: &ObjectRef) -> Told {
    let change = Change::TemplateAnnotation { key: RESTARTED_AT.to_owned(), value: Some("now".to_owned()) };
    write(world, workload.clone(), None, change)
}

fn rolls(world: &mut dyn WorldPort, workload: &ObjectRef, sticks: bool) -> Story {
    vec![restart(world, workload), watch(world, workload, sticks)]
}

pub(crate) fn a_rollout_with_surge(world: &mut dyn WorldPort) -> Story {
    rolls(world, &at("Deployment", "surge"), false)
}

pub(crate) fn a_rollout_without_surge(world: &mut dyn WorldPort) -> Story {
    rolls(world, &at("Deployment", "no-surge"), false)
}

pub(crate) fn a_quota_that_blocks_surge(world: &mut dyn WorldPort) -> Story {
    rolls(world, &at("Deployment", "quota"), true)
}

/// The first pod of a workload that is as wanted.
fn pod(world: &mut dyn WorldPort, workload: &ObjectRef, wanted: impl Fn(&PodView) -> bool) -> ObjectRef {
    let view = view(world, workload);
    let pod = view.pods.iter().find(|pod| wanted(pod)).unwrap();
    ObjectRef::new("Pod", &workload.namespace, &pod.name)
}

pub(crate) fn a_budget_that_blocks_an_eviction(world: &mut dyn WorldPort) -> Story {
    let workload = at("Deployment", "budget");
    let pod = pod(world, &workload, |_| true);
    let evicted = write(world, pod, None, Change::Evict);
    // A rollout asks no budget.
    vec![evicted, restart(world, &workload), watch(world, &workload, false)]
}

pub(crate) fn a_partition_that_is_lifted(world: &mut dyn WorldPort) -> Story {
    let workload = at("StatefulSet", "partition");
    let mut story = rolls(world, &workload, true);
    story.push(write(world, workload.clone(), None, Change::Partition { partition: 0 }));
    story.push(watch(world, &workload, false));
    story
}

pub(crate) fn an_on_delete_set(world: &mut dyn WorldPort) -> Story {
    let workload = at("StatefulSet", "on-delete");
    let mut story = rolls(world, &workload, true);
    for _ in 0..2 {
        let old = pod(world, &workload, |pod| !pod.updated && !pod.terminating);
        story.push(write(world, old, None, Change::Delete));
        story.push(watch(world, &workload, true));
    }
    story
}

/// Its newest template is lifted onto it, the first pod never gets Ready, and the partition alone does not help it back:
/// `OrderedReady` waits for that pod until somebody deletes it.
pub(crate) fn a_set_that_gets_stuck_and_goes_back(world: &mut dyn WorldPort) -> Story {
    let workload = at("StatefulSet", "never-ready");
    let mut story = Vec::new();
    for partition in [0, 3] {
        story.push(write(world, workload.clone(), None, Change::Partition { partition }));
        story.push(watch(world, &workload, true));
    }
    let stuck = pod(world, &workload, |pod| pod.ready_since.is_none());
    story.push(write(world, stuck, None, Change::Delete));
    story.push(watch(world, &workload, false));
    story
}

/// Our second write is for the namespace as it was before somebody's.
pub(crate) fn a_namespace_that_somebody_relabelled(world: &mut dyn WorldPort) -> Story {
    let namespace = ObjectRef::cluster("Namespace", "relabelled");
    let query = Query::Object { object: namespace.clone() };
    let Outcome::Observed { observation: Observation::Object { object: Some(seen) } } =
        act(world, &Effect::Read(query))
    else {
        panic!("no namespace")
    };
    let version = Some(seen.meta().resource_version.to_string());
    let labels =
        |value: &str| Change::Labels { labels: [("team".to_owned(), Some(value.to_owned()))].into() };
    vec![
        write(world, namespace.clone(), None, labels("theirs")),
        write(world, namespace, version, labels("ours")),
    ]
}

pub(crate) fn an_injector_that_does_not_answer(world: &mut dyn WorldPort) -> Story {
    let workload = at("Deployment", "no-injector");
    let labels = [(REV_LABEL.to_owned(), Some("7-7-7".to_owned()))].into();
    let namespace = ObjectRef::cluster("Namespace", "no-injector");
    let mut story = vec![write(world, namespace, None, Change::Labels { labels })];
    let query = Query::DryRun {
        namespace: workload.namespace.to_string(),
        workloads: vec![workload.clone()],
        count: 2,
    };
    let Outcome::Observed { observation: Observation::DryRun { proofs } } = act(world, &Effect::Read(query))
    else {
        panic!("another answer")
    };
    story.push(Told::Refused(proofs.iter().filter(|proof| proof.refused.is_some()).count()));
    story.extend(rolls(world, &workload, true));
    story
}
