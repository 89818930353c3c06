//! Commands at any point, and what they leave behind.

use meshlift_driver::DriverPolicy;
use meshlift_model::effect::Change;
use meshlift_model::journal::{Command, RunResult};

use crate::plan::{plan, world};
use crate::run::{approving, go_on, run};
use crate::workload::TARGET;

fn with(commands: Vec<Command>) -> DriverPolicy {
    DriverPolicy { commands, ..DriverPolicy::default() }
}

#[test]
fn without_approval_a_wave_waits_and_goes_on_with_one() {
    let mut world = world();
    let ran = run(&mut world, &plan(), &DriverPolicy::default());
    assert_eq!((ran.result, ran.state("wave-1").as_str()), (RunResult::Waiting, "waiting"));
    let approve = |step: &str| Command::Approve { step: step.into(), by: "ann".into() };
    let ran = go_on(&mut world, ran.journal, &with(vec![approve("wave-1")]));
    assert_eq!((ran.state("wave-1").as_str(), ran.state("wave-2").as_str()), ("done", "waiting"));
    let ran = go_on(&mut world, ran.journal, &with(vec![approve("wave-2")]));
    assert_eq!(ran.result, RunResult::Done);
}

#[test]
fn pause_starts_nothing_new_and_resume_goes_on() {
    let mut world = world();
    // After the restart of bff: shop and bff roll, cart has not begun.
    world.commands.insert(3, Command::Pause);
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!((ran.result, ran.reason()), (RunResult::Waiting, "a person paused the run"));
    let on_new = |world: &crate::world::World, name: &str| {
        let one = &world.workloads[&name.parse().unwrap()];
        one.living().all(|pod| pod.revision.as_deref() == Some(TARGET))
    };
    assert!(on_new(&world, "Deployment/web/bff") && on_new(&world, "Deployment/web/shop"));
    assert!(!world.writes.iter().any(|write| write.target.name == "cart"));
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    assert_eq!(go_on(&mut world, ran.journal, &policy).result, RunResult::Done);
}

#[test]
fn abort_takes_the_step_at_work_back_and_stops() {
    let mut world = world();
    let before = world.summary();
    world.commands.insert(3, Command::Abort);
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!((ran.result, ran.state("wave-1").as_str()), (RunResult::Waiting, "undone"));
    let after = world.summary();
    for line in before {
        assert!(after.contains(&line), "{line} is missing in {after:#?}");
    }
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    assert_eq!(go_on(&mut world, ran.journal, &policy).result, RunResult::Done, "a person may try again");
}

#[test]
fn rollback_after_any_step_restores_the_mesh_but_for_what_is_forward_only() {
    for step in plan().steps.iter().map(|step| step.id.as_str()) {
        let mut world = world();
        let before = world.summary();
        let policy = DriverPolicy { rollback_after: Some(step.into()), ..approving() };
        let ran = run(&mut world, &plan(), &policy);
        assert_eq!(ran.result, RunResult::RolledBack, "after {step}: {}", ran.reason());
        assert!(ran.reason().contains("but crds"), "{}", ran.reason());
        assert_eq!(world.summary(), before, "after {step}");
    }
}

#[test]
fn labels_leave_a_tag_before_the_tag_goes_back() {
    let mut plan = plan();
    let mut labels = plan.steps.remove(5);
    labels.actions.iter_mut().for_each(|action| action.phase = 1);
    plan.steps[4].actions.append(&mut labels.actions);
    plan.steps[5].needs = vec!["tag-prod".into()];
    let mut world = world();
    let policy = DriverPolicy { rollback_after: Some("tag-prod".into()), ..approving() };
    let ran = run(&mut world, &plan, &policy);
    assert_eq!(ran.result, RunResult::RolledBack, "{}", ran.reason());
    let is_tag = |write: &meshlift_model::effect::Write| write.target.kind == "RevisionTag";
    let back = world.writes.iter().rposition(is_tag).unwrap();
    let names: Vec<&str> =
        world.writes[back - 2..back].iter().map(|write| write.target.name.as_str()).collect();
    assert_eq!(names, ["web", "data"], "both left the tag right before it moved");
}

#[test]
fn rollback_in_the_middle_of_a_wave_waits_for_writes_under_way_and_undoes_them() {
    for number in 0..17 {
        let mut world = world();
        let before = world.summary();
        world.commands.insert(number, Command::Rollback);
        let ran = run(&mut world, &plan(), &approving());
        assert_eq!(ran.result, RunResult::RolledBack, "at write {number}: {}", ran.reason());
        assert_eq!(world.summary(), before, "at write {number}");
    }
}

#[test]
fn until_pauses_after_a_step() {
    let mut world = world();
    let policy = DriverPolicy { until: Some("wave-1".into()), ..approving() };
    let ran = run(&mut world, &plan(), &policy);
    assert_eq!((ran.state("wave-1").as_str(), ran.state("wave-2").as_str()), ("done", "pending"));
    assert!(!world.writes.iter().any(|write| matches!(write.change, Change::SetTag { .. })));
}

#[test]
fn a_run_that_was_rolled_back_takes_no_command_any_more() {
    let mut world = world();
    let policy = DriverPolicy { rollback_after: Some("istiod".into()), ..approving() };
    let ran = run(&mut world, &plan(), &policy);
    let mut journal = ran.journal;
    let policy = with(vec![Command::Resume]);
    let error = meshlift_driver::drive(&mut world, &mut journal, &policy, &mut |_| {}).unwrap_err();
    assert!(matches!(error, meshlift_driver::DriveError::Step { .. }), "{error}");
}
