//! What goes wrong: what is taken back, what is held, what waits, and that nothing else is touched.

use meshlift_driver::DriverPolicy;
use meshlift_model::effect::{Change, FindingView};
use meshlift_model::finding::Severity;
use meshlift_model::journal::{Command, Record, RunResult};

use crate::plan::{plan, world};
use crate::run::{Ran, approving, go_on, run};
use crate::workload::{OLD, TARGET};
use crate::world::World;

/// The mesh is as before but for what the new revision's own step added.
fn is_back(world: &World) {
    let mut expected = crate::plan::world().summary();
    expected.push(format!("Deployment/istio-system/istiod-{TARGET} x2 [\"\", \"\"]"));
    expected.sort();
    let mut found = world.summary();
    found.sort();
    assert_eq!(found, expected);
}

fn undone(ran: &Ran, step: &str, why: &str) {
    assert_eq!((ran.result, ran.state(step).as_str()), (RunResult::Waiting, "undone"), "{}", ran.reason());
    assert!(ran.reason().contains(why), "{}", ran.reason());
}

fn held(ran: &Ran, step: &str, why: &str) {
    assert_eq!((ran.result, ran.state(step).as_str()), (RunResult::Waiting, "held"), "{}", ran.reason());
    assert!(ran.reason().contains(why), "{}", ran.reason());
}

#[test]
fn a_rejected_configuration_takes_the_wave_back_selector_first() {
    let mut world = world();
    world.workload("Deployment/web/shop").nack_on = Some(TARGET);
    let ran = run(&mut world, &plan(), &approving());
    undone(&ran, "wave-1", "rejects its configuration");
    is_back(&world);
    let back: Vec<String> = ran
        .lines()
        .iter()
        .filter_map(|line| match &line.record {
            Record::Intent { reverses: Some(_), write, .. } => Some(write.target.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(back.first().map(String::as_str), Some("Namespace/web"), "{back:?}");
    assert_eq!(ran.state("wave-2"), "waiting");
    assert!(!world.writes.iter().any(|write| write.target.namespace == "data"));
}

#[test]
fn a_pod_without_its_sidecar_takes_the_wave_back() {
    let mut world = world();
    world.workload("Deployment/web/bff").bare_on = Some(TARGET);
    undone(&run(&mut world, &plan(), &approving()), "wave-1", "has no sidecar");
    is_back(&world);
}

#[test]
fn new_pods_that_never_get_ready_beside_healthy_old_ones_take_the_wave_back() {
    let mut world = world();
    world.workload("Deployment/web/cart").never_ready_on = Some(TARGET);
    undone(&run(&mut world, &plan(), &approving()), "wave-1", "is not Ready after 120 s");
    is_back(&world);
}

#[test]
fn a_stateful_set_gets_past_its_stuck_pod_by_one_deletion() {
    let mut world = world();
    world.workload("StatefulSet/data/pg").never_ready_on = Some(TARGET);
    let ran = run(&mut world, &plan(), &approving());
    undone(&ran, "wave-2", "pod pg-2");
    let pods = |name: &str| {
        let one = &world.workloads[&name.parse().unwrap()];
        one.living().map(|pod| pod.revision.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(pods("StatefulSet/data/pg"), [OLD, OLD, OLD]);
    assert_eq!(pods("StatefulSet/data/kafka"), [OLD, OLD, OLD], "evicted ones come back too");
    assert_eq!(pods("Deployment/web/cart"), [TARGET], "an earlier wave needs a person's word");
    let deletions = world.writes.iter().filter(|write| write.change == Change::Delete);
    assert_eq!(deletions.count(), 1);
}

#[test]
fn a_quota_without_room_holds_the_wave_and_takes_nothing_back() {
    let mut world = world();
    world.workload("Deployment/web/bff").quota = Some(3);
    let ran = run(&mut world, &plan(), &approving());
    held(&ran, "wave-1", "exceeded quota");
    assert!(ran.reason().contains("after 600 s"), "{}", ran.reason());
    assert!(!ran.lines().iter().any(|line| matches!(line.record, Record::Undoing { .. })));
    let shop = &world.workloads[&"Deployment/web/shop".parse().unwrap()];
    assert!(shop.living().all(|pod| pod.revision.as_deref() == Some(TARGET)), "running rollouts finish");
}

#[test]
fn a_selector_that_somebody_changed_holds_the_step() {
    let mut world = world();
    let (name, object) = crate::world::namespace("web", "elsewhere");
    world.objects.insert(name, object);
    held(&run(&mut world, &plan(), &approving()), "wave-1", "namespace web no longer has istio.io/rev=prod");
}

#[test]
fn a_template_that_somebody_changed_holds_the_step() {
    let mut world = world();
    world.workload("Deployment/web/bff").template_digest = "other".into();
    let ran = run(&mut world, &plan(), &approving());
    held(&ran, "wave-1", "the template of Deployment/web/bff changed");
    assert!(!world.writes.iter().any(|write| write.target.name == "bff"));
}

#[test]
fn a_budget_that_never_opens_makes_the_step_wait() {
    let mut world = world();
    world.workload("StatefulSet/data/kafka").budget_until = Some(world.now.plus_seconds(100_000));
    let ran = run(&mut world, &plan(), &approving());
    assert_eq!((ran.result, ran.state("wave-2").as_str()), (RunResult::Waiting, "waiting"));
    assert!(ran.reason().contains("Pod/data/kafka-2 cannot be evicted"), "{}", ran.reason());
}

#[test]
fn a_new_finding_holds_unless_it_was_announced() {
    let finding = FindingView { key: "ML9 new".into(), severity: Severity::Warn, detail: "new".into() };
    let with_finding = || {
        let mut world = world();
        world.finding_after = Some((4, finding.clone()));
        world
    };
    held(&run(&mut with_finding(), &plan(), &approving()), "wave-1", "ML9 new");
    let mut plan = plan();
    plan.steps[2].announces.push("ML9 new".into());
    assert_eq!(run(&mut with_finding(), &plan, &approving()).result, RunResult::Done);
}

#[test]
fn an_unread_source_blocks_removal() {
    let mut world = world();
    world.unknown_sources.push("istiod connections".into());
    let ran = run(&mut world, &plan(), &approving());
    held(&ran, "cleanup", "istiod connections could not be read");
    assert!(!world.writes.iter().any(|write| write.change == Change::Delete));
}

#[test]
fn an_injector_that_answers_otherwise_takes_the_label_back() {
    let mut world = world();
    // A webhook that ignores the bare revision: pods would get the old one.
    world.tags.insert(TARGET.into(), OLD.into());
    undone(&run(&mut world, &plan(), &approving()), "wave-1", "would not get 1-30-3");
    world.tags.remove(TARGET);
    is_back(&world);
}

#[test]
fn a_late_rejection_during_the_bake_is_seen_before_the_bake_ends() {
    let mut world = world();
    // Wave 1 bakes from about 20:00:30 to 20:05:30.
    world.nack_at = Some((crate::plan::start().plus_seconds(60), "Deployment/web/bff".parse().unwrap()));
    let ran = run(&mut world, &plan(), &approving());
    undone(&ran, "wave-1", "rejects its configuration");
    let undoing = ran.lines().into_iter().find(|line| matches!(line.record, Record::Undoing { .. })).unwrap();
    assert!(undoing.at < crate::plan::start().plus_seconds(180), "{}", undoing.at);
}

#[test]
fn evictions_stop_while_a_wave_is_taken_back() {
    let mut world = world();
    world.workload("StatefulSet/data/pg").nack_on = Some(TARGET);
    let ran = run(&mut world, &plan(), &approving());
    undone(&ran, "wave-2", "rejects its configuration");
    let evicted = world.writes.iter().filter(|write| write.change == Change::Evict).count();
    assert_eq!(evicted, 2, "one forward, one back");
    let kafka = &world.workloads[&"StatefulSet/data/kafka".parse().unwrap()];
    assert!(kafka.living().all(|pod| pod.revision.as_deref() == Some(OLD)));
}

#[test]
fn a_held_wave_goes_on_when_a_person_made_room_and_says_so() {
    let mut world = world();
    world.workload("Deployment/web/bff").quota = Some(3);
    let ran = run(&mut world, &plan(), &approving());
    held(&ran, "wave-1", "exceeded quota");
    world.workload("Deployment/web/bff").quota = None;
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!(ran.result, RunResult::Done, "{}", ran.reason());
}

#[test]
fn a_third_failed_workload_halts_the_run_for_good() {
    let mut world = world();
    for name in ["bff", "shop", "cart"] {
        let one = world.workload(&format!("Deployment/web/{name}"));
        one.quota = Some(one.pods.len());
    }
    let ran = run(&mut world, &plan(), &approving());
    held(&ran, "wave-1", "Deployment/web/shop");
    world.workload("Deployment/web/bff").quota = None;
    let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
    let ran = go_on(&mut world, ran.journal, &policy);
    assert_eq!(ran.result, RunResult::Failed, "{}", ran.reason());
    assert!(ran.reason().starts_with("3 workloads failed"), "{}", ran.reason());
}
