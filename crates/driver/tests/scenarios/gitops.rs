//! A GitOps controller applies again what the run changed: the run does not fight, and goes on once that ended.

use meshlift_driver::DriverPolicy;
use meshlift_model::event::EventKind;
use meshlift_model::journal::{Command, RunResult};
use meshlift_model::names::ObjectRef;

use crate::plan::{plan, world};
use crate::run::{Ran, approving, go_on, run};
use crate::world::World;

const ARGO: &str = "Argo CD shop applies it: pause that, or let it leave this field alone, then resume";

/// The step waits for the controller, by name where the object has its mark; then it is paused, and the run is
/// resumed to its end.
fn waits_and_goes_on(world: &mut World, target: &str, why: &str) -> Ran {
    world.applied_again = Some(target.parse().unwrap());
    let ran = run(world, &plan(), &approving());
    assert_eq!(
        (ran.result, ran.state("wave-1").as_str()),
        (RunResult::Waiting, "waiting"),
        "{}",
        ran.reason()
    );
    assert!(ran.reason().contains(why), "{}", ran.reason());
    let waiting = |kind: &EventKind| {
        matches!(kind, EventKind::Waiting { on, .. }
            if on.code.as_deref() == Some("ML9532") && on.subject.to_string() == target)
    };
    assert!(ran.has_event(waiting));
    world.applied_again = None;
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    let ran = go_on(world, ran.journal, &policy);
    assert_eq!(ran.result, RunResult::Done, "{}", ran.reason());
    ran
}

#[test]
fn a_label_that_is_taken_back_waits_for_whoever_applies_it() {
    let mut world = world();
    let namespace: ObjectRef = "Namespace/web".parse().unwrap();
    let labels = &mut world.objects.get_mut(&namespace).unwrap().meta_mut().labels;
    labels.insert("argocd.argoproj.io/instance".into(), "shop".into());
    waits_and_goes_on(&mut world, "Namespace/web", ARGO);
}

#[test]
fn a_restart_that_is_taken_back_waits_and_is_made_again_after_resume() {
    let mut world = world();
    let why = "somebody took the restart of Deployment/web/bff back";
    waits_and_goes_on(&mut world, "Deployment/web/bff", why);
}

#[test]
fn a_restart_that_is_taken_back_can_be_rolled_back() {
    let mut world = world();
    world.applied_again = Some("Deployment/web/bff".parse().unwrap());
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(ran.state("wave-1"), "waiting", "{}", ran.reason());
    let policy = DriverPolicy { commands: vec![Command::Rollback], ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!(ran.result, RunResult::RolledBack, "{}", ran.reason());
}
