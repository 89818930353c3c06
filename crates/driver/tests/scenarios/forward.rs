//! The way forward, with what may come in between.

use meshlift_model::action::{ActionKind, Cure, MoveHow};
use meshlift_model::effect::{Change, Failure};
use meshlift_model::event::EventKind;
use meshlift_model::journal::{Command, Record, RunResult};
use meshlift_model::plan::{Person, Stage, WaitingOn};

use meshlift_model::plan::Step;

use meshlift_driver::DriverPolicy;

use crate::plan::{add, movement, of, plan, start, step, wave, world};
use crate::run::{Ran, approving, go_on, run};
use crate::workload::{OLD, TARGET};
use crate::world::{Fault, World};

#[test]
fn a_whole_upgrade_moves_everything_and_removes_the_old_revision() {
    let mut world = world();
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(
        (ran.result, ran.reason()),
        (RunResult::Done, "all 8 steps are done"),
        "{:#?}",
        ran.run.steps()
    );
    let summary = world.summary().join("\n");
    assert!(!summary.contains("1-29-6"), "{summary}");
    assert!(summary.contains("tag prod 1-30-3"), "{summary}");
    assert!(summary.contains(r#"Namespace/web {"istio.io/rev": "prod"}"#), "{summary}");
    assert!(ran.run.gates().iter().all(|gate| gate.passed));
}

/// Writes that were meant by the journal, of one target.
fn meant(ran: &Ran, target: &str) -> usize {
    let is = |record: &Record| matches!(record, Record::Intent { write, .. } if write.target.to_string() == target);
    ran.lines().iter().filter(|line| is(&line.record)).count()
}

#[test]
fn a_lost_race_is_read_again_and_written_again() {
    let mut world = world();
    let message = "the object has been modified".to_owned();
    world.faults.insert(2, Fault::Refuse(Failure::Conflict { message }));
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(ran.result, RunResult::Done);
    assert_eq!(meant(&ran, "Namespace/web"), 3, "one lost, one done, one for the tag");
    assert!(ran.has_event(|event| matches!(event, EventKind::Retrying { .. })));
}

#[test]
fn a_write_without_an_answer_is_found_done_and_not_done_twice() {
    let mut world = world();
    // Number 2 is the label of web, 3 the restart of bff.
    world.faults.insert(2, Fault::LoseAnswer);
    world.faults.insert(3, Fault::LoseAnswer);
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(ran.result, RunResult::Done);
    assert_eq!(meant(&ran, "Namespace/web"), 2);
    assert_eq!(meant(&ran, "Deployment/web/bff"), 1);
}

#[test]
fn a_write_that_never_arrived_is_written_again() {
    let mut world = world();
    let failure = Failure::Unavailable { message: "timeout".into() };
    world.faults.insert(3, Fault::Refuse(failure));
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(ran.result, RunResult::Done);
    assert_eq!(meant(&ran, "Deployment/web/bff"), 2);
}

#[test]
fn refused_creations_count_by_the_injectors_own_answer() {
    let mut world = world();
    world.refuse_creations = true;
    assert_eq!(run(&mut world, &plan(), &approving()).result, RunResult::Done);
}

#[test]
fn a_budget_that_opens_in_time_lets_the_eviction_through() {
    let mut world = world();
    world.workload("StatefulSet/data/kafka").budget_until = Some(start().plus_seconds(600));
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(ran.result, RunResult::Done, "{}", ran.reason());
    assert!(meant(&ran, "Pod/data/kafka-2") > 3);
}

#[test]
fn a_second_replica_is_ready_before_the_restart_and_goes_after_it() {
    let mut cart = movement("Deployment/web/cart", MoveHow::Rollout, 1);
    if let ActionKind::Move(one) = &mut cart.kind {
        one.cures.push(Cure::ScaleUp { from: 1, to: 2, autoscaler: None });
    }
    let plan = of(vec![plan().steps.swap_remove(1), wave("wave", &["istiod"], "web", vec![cart])]);
    let mut plan = plan;
    plan.steps[0].needs.clear();
    let mut world = world();
    let ran = run(&mut world, &plan, &approving());
    assert_eq!(ran.result, RunResult::Done, "{}", ran.reason());
    let changes: Vec<&Change> =
        world.writes.iter().filter(|write| write.target.name == "cart").map(|write| &write.change).collect();
    assert!(
        matches!(
            changes.as_slice(),
            [
                Change::Replicas { replicas: 2 },
                Change::TemplateAnnotation { .. },
                Change::Replicas { replicas: 1 }
            ]
        ),
        "{changes:?}"
    );
}

#[test]
fn a_bare_pod_is_created_anew_and_back_on_rollback() {
    let pod = movement("Pod/web/shell", MoveHow::RecreatePod, 1);
    let mut plan = of(vec![plan().steps.swap_remove(1), wave("wave", &["istiod"], "web", vec![pod])]);
    plan.steps[0].needs.clear();
    let mut world = world();
    add(&mut world, "Pod", "web/shell", 1, Some(OLD));
    let before = world.summary();
    let revision = |world: &World| {
        let one = &world.workloads[&"Pod/web/shell".parse().unwrap()];
        one.living().next().unwrap().revision.clone().unwrap()
    };
    let ran = run(&mut world, &plan, &approving());
    assert_eq!((ran.result, revision(&world).as_str()), (RunResult::Done, TARGET), "{}", ran.reason());
    let policy = DriverPolicy { commands: vec![Command::Rollback], ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!((ran.result, revision(&world).as_str()), (RunResult::RolledBack, OLD), "{}", ran.reason());
    assert_eq!(world.summary(), before);
}

#[test]
fn what_nobody_decided_leaves_the_run_waiting() {
    let mut plan = plan();
    plan.waiting.push(WaitingOn {
        subject: "Deployment/web/tax".parse().unwrap(),
        reason: "a gap".into(),
        code: None,
        offers: vec![],
        holds: vec![],
    });
    let ran = run(&mut world(), &plan, &approving());
    assert_eq!((ran.result, ran.state("cleanup").as_str()), (RunResult::Waiting, "done"));
    assert_eq!(ran.run.waiting_on().len(), 1);
}

#[test]
fn a_step_for_a_person_blocks_what_needs_it_and_nothing_else() {
    let person =
        Person { why: "move the gateway".into(), commands: vec!["kubectl …".into()], approval: false };
    let manual = Step { person: Some(person), ..step("gateway", Stage::Gateway, &[], vec![], vec![]) };
    let after = step("after", Stage::Observe, &["gateway"], vec![], vec![]);
    let aside = step("aside", Stage::Observe, &[], vec![], vec![]);
    let ran = run(&mut world(), &of(vec![manual, after, aside]), &approving());
    let states: Vec<String> = ran.run.steps().into_iter().map(|step| step.state).collect();
    assert_eq!((ran.result, states.join(" ")), (RunResult::Waiting, "waiting waiting done".to_owned()));
    assert!(ran.reason().contains("kubectl"), "{}", ran.reason());
}

#[test]
fn an_empty_plan_is_done_at_once() {
    let ran = run(&mut world(), &of(vec![]), &approving());
    assert_eq!((ran.result, ran.lines().len()), (RunResult::Done, 2));
}
