//! Whatever part of the decisions is made: the plan is sound, moves nothing that waits, and planning again after it
//! leaves exactly what waits.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshlift_mesh::Mesh;
use meshlift_model::intent::{ChoiceKind, Intent};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Plan;
use meshlift_planner::{audit, is_fatal, leaves_behind, plan_digest, read, write};
use proptest::prelude::*;

use crate::common::*;

/// How a hazard is decided.
#[derive(Clone, Copy, Debug)]
enum Decided {
    Not,
    AsInTheDemo,
    Otherwise,
    ByHolding,
}

/// The demo's intent with its choices left out or replaced; a tag is removed only if its follower goes elsewhere.
fn part(decided: &[Decided]) -> Intent {
    let mut intent = demo();
    let mut decided = decided.iter().copied();
    intent.choices.retain_mut(|choice| {
        choice.choose = match (decided.next().unwrap_or(Decided::Not), &choice.choose) {
            (Decided::Not, _) => return false,
            (Decided::AsInTheDemo, same) => same.clone(),
            (Decided::ByHolding, _) => ChoiceKind::HoldNamespace,
            (Decided::Otherwise, ChoiceKind::AcceptLoss) => ChoiceKind::FailoverElsewhere,
            (Decided::Otherwise, ChoiceKind::ScaleUpFirst) => ChoiceKind::AcceptLoss,
            (Decided::Otherwise, ChoiceKind::RaiseQuota(_)) => ChoiceKind::AllowUnavailable(1),
            (Decided::Otherwise, same) => same.clone(),
        };
        true
    });
    let relabels = intent.choices.iter().any(|one| matches!(one.choose, ChoiceKind::RelabelNamespace(_)));
    if !relabels {
        intent.remove_tags.clear();
    }
    intent
}

fn sound(name: &str, intent: &Intent) -> Result<(), TestCaseError> {
    let (plan, report) = planned(name, intent);
    let notes = audit(&plan, Some(mesh(name)));
    prop_assert!(!is_fatal(&notes), "{name}: {:?}", notes.first());
    prop_assert_eq!(&plan.digest, &plan_digest(&plan));
    prop_assert_eq!(&read(&write(&plan)).unwrap(), &plan);
    let waits: BTreeSet<&ObjectRef> =
        plan.waiting.iter().flat_map(|one| one.holds.iter().chain([&one.subject])).collect();
    for (_, _, one) in moves(&plan) {
        prop_assert!(!waits.contains(&one.workload), "{name}: {} waits and moves", one.workload);
    }
    prop_assert_eq!(report.workloads.len(), mesh(name).workloads.len(), "a reason for each workload");
    let left = Mesh::derive(Arc::new(leaves_behind(mesh(name), &plan, Some(manifest(false)))));
    let (again, _) = plan_of(&left, intent).unwrap();
    // What a person has not done yet, and what needs it, is planned once more; nothing else is.
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for step in &plan.steps {
        let person = step.person.as_ref().is_some_and(|person| !person.approval);
        if person || step.needs.iter().any(|need| open.contains(need.as_str())) {
            open.insert(&step.id);
        }
    }
    let still: BTreeSet<&ObjectRef> = moves(&plan)
        .into_iter()
        .filter(|(step, _, _)| open.contains(step.id.as_str()))
        .map(|(_, _, one)| &one.workload)
        .collect();
    let moved_again: BTreeSet<&ObjectRef> =
        moves(&again).into_iter().map(|(_, _, one)| &one.workload).collect();
    prop_assert_eq!(moved_again, still, "{}", name);
    let waiting = |plan: &Plan| plan.waiting.iter().filter(|one| one.code.is_some()).count();
    prop_assert_eq!(waiting(&again), waiting(&plan), "{}", name);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_part_of_the_decisions_gives_a_sound_plan(
        decided in proptest::collection::vec(
            prop_oneof![
                2 => Just(Decided::Not),
                4 => Just(Decided::AsInTheDemo),
                2 => Just(Decided::Otherwise),
                1 => Just(Decided::ByHolding),
            ],
            14,
        ),
        at in 0_usize..5,
    ) {
        let name = ["before", "canary-installed", "canary-moved", "half-moved", "moved"][at];
        sound(name, &part(&decided))?;
    }
}
