//! Commands at any point, and what they leave behind.

use meshlift_driver::DriverPolicy;
use meshlift_model::effect::{Change, Failure};
use meshlift_model::event::EventKind;
use meshlift_model::journal::{Command, JournalLine, Record, RunResult};
use meshlift_model::time::Time;

use crate::plan::{plan, world};
use crate::run::{approving, go_on, run};
use crate::workload::TARGET;
use crate::world::Fault;

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
fn nothing_goes_back_to_an_injector_that_does_not_answer() {
    let mut world = world();
    let before = world.summary();
    let policy = DriverPolicy { until: Some("wave-1".into()), ..approving() };
    let ran = run(&mut world, &plan(), &policy);
    world.injectors_are_gone = true;
    let moved = world.writes.iter().filter(|write| is_restart(write)).count();
    let policy = DriverPolicy { commands: vec![Command::Rollback], ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!(ran.result, RunResult::Waiting);
    assert!(ran.reason().contains("would be refused: failed calling webhook"), "{}", ran.reason());
    assert_eq!(world.writes.iter().filter(|write| is_restart(write)).count(), moved, "no pod was given up");
    world.injectors_are_gone = false;
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!(ran.result, RunResult::RolledBack, "{}", ran.reason());
    assert_eq!(world.summary(), before);
}

/// It replaces pods.
fn is_restart(write: &meshlift_model::effect::Write) -> bool {
    matches!(write.change, Change::TemplateAnnotation { .. } | Change::Evict | Change::Delete)
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
fn until_pauses_before_the_next_step_writes_anything() {
    // Nothing bakes between these: the next step would begin in the same turn.
    for (step, next) in [("crds", "istiod"), ("istiod", "wave-1"), ("tag-prod", "labels"), ("labels", "dark")]
    {
        let mut world = world();
        let policy = DriverPolicy { until: Some(step.into()), ..approving() };
        let ran = run(&mut world, &plan(), &policy);
        assert_eq!((ran.result, ran.reason()), (RunResult::Waiting, "a person paused the run"));
        assert_eq!((ran.state(step).as_str(), ran.state(next).as_str()), ("done", "pending"), "after {step}");
        let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
        assert_eq!(go_on(&mut world, ran.journal, &policy).result, RunResult::Done, "after {step}");
    }
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

/// Ends of the first wave's bake, one for each time that it began.
fn bakes(lines: &[JournalLine]) -> Vec<Time> {
    let end = |line: &JournalLine| match &line.record {
        Record::Bake { step, until } if step == "wave-1" => Some(*until),
        _ => None,
    };
    lines.iter().filter_map(end).collect()
}

#[test]
fn a_pause_does_not_wait_for_the_end_of_a_bake_and_resume_keeps_it() {
    let mut world = world();
    // All of the first wave has moved by then, and it bakes for five minutes.
    world.command_millis = 150_000;
    world.commands.insert(5, Command::Pause);
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!((ran.result, ran.reason()), (RunResult::Waiting, "a person paused the run"));
    let [until] = bakes(&ran.lines())[..] else { panic!("{:?}", bakes(&ran.lines())) };
    assert!(world.now < until, "paused at {}, the bake ends at {until}", world.now);
    let policy =
        DriverPolicy { commands: vec![Command::Resume], until: Some("wave-1".into()), ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!((ran.state("wave-1").as_str(), bakes(&ran.lines())), ("done", vec![until]));
    assert!(world.now >= until, "it baked to its end");
}

#[test]
fn a_command_that_does_not_fit_is_told_and_the_run_goes_on() {
    let mut world = world();
    world.commands.insert(3, Command::Approve { step: "nowhere".into(), by: "ann".into() });
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!(ran.result, RunResult::Done, "{}", ran.reason());
    let refused = |event: &EventKind| matches!(event, EventKind::CommandRefused { command, why } if command == "approve" && why.contains("nowhere"));
    assert!(ran.has_event(refused), "{:?}", ran.events);
    let is_command = |line: &JournalLine| matches!(line.record, Record::Command { .. });
    assert!(!ran.lines().iter().any(is_command), "what changes nothing is not in the journal");
}

#[test]
fn a_held_step_waits_and_goes_on_once_it_is_released() {
    // The install, a selector, a restart, a tag.
    for number in [1, 2, 3, 10] {
        let mut world = world();
        let message = "change freeze".to_owned();
        world.faults.insert(number, Fault::Refuse(Failure::OnHold { message }));
        let ran = run(&mut world, &plan(), &approving());
        assert_eq!(ran.result, RunResult::Waiting, "at write {number}: {}", ran.reason());
        assert!(ran.reason().contains("change freeze"), "{}", ran.reason());
        // Whoever holds the run says nothing against a workload: no gate failed, no step is held.
        assert!(ran.run.gates().iter().all(|gate| gate.passed), "at write {number}: {:?}", ran.run.gates());
        assert!(ran.run.steps().iter().any(|step| step.state == "waiting" && step.waiting_on.is_some()));
        assert!(ran.run.steps().iter().all(|step| step.state != "held"), "at write {number}");
        let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
        let ran = go_on(&mut world, ran.journal, &policy);
        assert_eq!(ran.result, RunResult::Done, "at write {number}: {}", ran.reason());
    }
}

#[test]
fn what_is_changed_for_a_while_is_told_until_it_is_put_back_or_gone() {
    let paused_after = |step: &str| {
        let mut world = world();
        let policy = DriverPolicy { until: Some(step.into()), ..approving() };
        let ran = run(&mut world, &plan(), &policy);
        (world, ran)
    };
    let (_, ran) = paused_after("labels");
    assert_eq!(ran.run.temporary(), []);
    let (mut world, ran) = paused_after("dark");
    let told: Vec<String> =
        ran.run.temporary().iter().map(|one| format!("{} {} {}", one.target, one.what, one.step)).collect();
    assert_eq!(told, ["Deployment/istio-system/istiod-1-29-6 replicas 0 (before: replicas 2) dark"]);
    let journal = ran.journal.clone();
    let back = go_on(&mut world.clone(), journal, &with(vec![Command::Rollback]));
    assert_eq!((back.result, back.run.temporary()), (RunResult::RolledBack, vec![]));
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    let done = go_on(&mut world, ran.journal, &policy);
    assert_eq!((done.result, done.run.temporary()), (RunResult::Done, vec![]), "it went with its object");
}
