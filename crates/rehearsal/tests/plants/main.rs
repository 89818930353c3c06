//! Planted bugs: each is caught on the recorded mesh, by the law that it breaks; without it, nothing is found.
//!
//! A plant reaches the checkers through a run alone: they read the twin's timeline and what the plan announced, and
//! are not told which one is on.

mod announced;
mod cleanup;
mod run;

use std::ops::Range;

use meshlift_model::defaults::RESTARTED_AT;
use meshlift_model::effect::{Change, Effect};
use meshlift_model::intent::Intent;
use meshlift_model::k8s::Deployment;
use meshlift_model::plant::Plant;
use meshlift_model::run_report::Violation;
use meshlift_twin::world::TwinWorld;
use run::{Meddle, Seen, run};

/// Seeds in which each plant must be caught.
const SEEDS: Range<u64> = 0..200;
const DEMO: &str = include_str!("../../../../fixtures/demo-intent.yaml");

/// What is run, with a plant or without.
struct Scene {
    intent: fn() -> Intent,
    rollback_after: Option<&'static str>,
    /// What somebody else does meanwhile.
    meddle: fn() -> Meddle,
}

const PLAIN: Scene = Scene { intent: demo, rollback_after: None, meddle: nobody };

fn demo() -> Intent {
    meshlift_planner::intent::parse(DEMO).expect("an intent")
}

fn nobody() -> Meddle {
    Box::new(|_, _| {})
}

/// Catches each plant, then runs the same seeds without any.
fn caught(scene: &Scene, plants: &[(Plant, &str)]) {
    let mut last = 0;
    for (plant, law) in plants {
        let breaks = |found: &[Violation]| found.iter().any(|violation| violation.law == *law);
        let mut seeds = SEEDS;
        let seed = seeds.find(|seed| breaks(&violations(scene, *seed, Some(*plant))));
        let first = seed.map_or_else(|| violations(scene, SEEDS.start, Some(*plant)), |_| Vec::new());
        assert!(
            seed.is_some(),
            "no seed of {SEEDS:?} shows that {plant:?} breaks law {law}; the first shows {first:#?}"
        );
        last = last.max(seed.unwrap_or_default());
    }
    for seed in SEEDS.start..=last {
        assert_eq!(violations(scene, seed, None), [], "seed {seed}, with nothing planted");
    }
}

fn violations(scene: &Scene, seed: u64, plant: Option<Plant>) -> Vec<Violation> {
    run(&(scene.intent)(), scene.rollback_after, seed, (scene.meddle)(), plant)
}

#[test]
fn gates_and_tags() {
    caught(&PLAIN, &[(Plant::SkippedGate, "14"), (Plant::TagMovedWithoutWebhook, "7")]);
}

#[test]
fn labels_and_journal() {
    caught(&PLAIN, &[(Plant::TwoLabels, "7"), (Plant::JournalAfterEffect, "5")]);
}

#[test]
fn what_goes_early_or_too_fast() {
    caught(&PLAIN, &[(Plant::OldRevisionRemovedEarly, "8"), (Plant::TooManyAtOnce, "13")]);
}

#[test]
fn a_wave_over_its_limit() {
    let intent = || {
        let mut intent = demo();
        intent.limits.wave_pods_max = Some(40);
        intent
    };
    caught(&Scene { intent, ..PLAIN }, &[(Plant::WaveOverLimit, "13")]);
}

#[test]
fn a_held_namespace() {
    let intent = || {
        let mut intent = demo();
        intent.choices.push(meshlift_model::intent::Choice {
            subject: "Namespace/team-03".parse().expect("a reference"),
            choose: meshlift_model::intent::ChoiceKind::HoldNamespace,
            reason: "its owner is away".into(),
            hazard: None,
            until: None,
        });
        intent
    };
    caught(&Scene { intent, ..PLAIN }, &[(Plant::HeldNamespaceMoved, "1")]);
}

#[test]
fn a_forgotten_undo() {
    let scene = Scene { rollback_after: Some("wave-2"), ..PLAIN };
    caught(&scene, &[(Plant::UndoForgotten, "6")]);
}

/// Somebody deploys while our restart of the same workload is on its way.
fn deploys_beside_us() -> Meddle {
    let mut done = false;
    Box::new(move |world: &mut TwinWorld, seen: &Seen<'_>| {
        let Seen::Effect(Effect::Write(write)) = seen else { return };
        let restarts = matches!(&write.change, Change::TemplateAnnotation { key, .. } if key == RESTARTED_AT);
        if restarts && write.target.kind == "Deployment" && !std::mem::replace(&mut done, true) {
            let deploy = |deployment: &mut Deployment| {
                let labels = &mut deployment.spec.template.metadata.labels;
                labels.insert("version".into(), "next".into());
            };
            let store = &mut world.twin_mut().cluster.store;
            store.patch(&write.target.namespace, &write.target.name, deploy).expect("patched");
        }
    })
}

#[test]
fn a_stale_observation() {
    let scene = Scene { meddle: deploys_beside_us, ..PLAIN };
    caught(&scene, &[(Plant::StaleObservationTrusted, "4")]);
}
