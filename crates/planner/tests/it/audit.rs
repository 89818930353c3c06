//! The audit finds what it is there for: each plan below was sound before one thing in it was changed.

use meshlift_model::action::{ActionKind, Precondition, Selector};
use meshlift_model::plan::{Gate, Plan, Stage, StepUndo};
use meshlift_planner::{NoteSeverity, audit, intent_digest, plan_digest};

use crate::common::*;

/// Fatal codes of the demo's plan after a change; digests are set right again.
fn fatal(change: impl FnOnce(&mut Plan)) -> Vec<&'static str> {
    let mut plan = planned("before", &demo()).0;
    change(&mut plan);
    plan.intent_digest = intent_digest(&plan.intent);
    plan.digest = plan_digest(&plan);
    let notes = audit(&plan, Some(mesh("before")));
    let mut codes: Vec<_> =
        notes.iter().filter(|note| note.severity == NoteSeverity::Fatal).map(|note| note.code).collect();
    codes.dedup();
    codes
}

fn step<'p>(plan: &'p mut Plan, id: &str) -> &'p mut meshlift_model::plan::Step {
    plan.steps.iter_mut().find(|step| step.id == id).unwrap()
}

fn swap(plan: &mut Plan, first: &str, second: &str) {
    let at = |plan: &Plan, id: &str| plan.steps.iter().position(|step| step.id == id).unwrap();
    let (first, second) = (at(plan, first), at(plan, second));
    plan.steps.swap(first, second);
}

#[test]
fn a_sound_plan_has_only_notes_about_shortened_times() {
    let (plan, _) = planned("before", &demo());
    let notes = audit(&plan, Some(mesh("before")));
    assert!(
        notes.iter().all(|note| note.code == "ML8410" && note.severity == NoteSeverity::Note),
        "{notes:?}"
    );
    assert!(audit(&planned("before", &none()).0, Some(mesh("before"))).is_empty());
}

#[test]
fn order_is_audited() {
    assert_eq!(fatal(|_| {}), Vec::<&str>::new());
    assert!(fatal(|plan| swap(plan, "wave-2", "cleanup")).contains(&"ML8402"));
    assert!(fatal(|plan| swap(plan, "tag-prod-stable", "tag-default")).contains(&"ML8403"));
    assert!(fatal(|plan| swap(plan, "wave-3", "tag-prod-stable")).contains(&"ML8403"));
    assert_eq!(fatal(|plan| step(plan, "observe").needs.clear()), ["ML8401"]);
    assert_eq!(fatal(|plan| step(plan, "wave-2").id = "wave-3".to_owned()), ["ML8401"]);
    assert!(
        fatal(|plan| {
            let again = step(plan, "wave-1").actions.clone();
            step(plan, "wave-3").actions.extend(again);
        })
        .contains(&"ML8415")
    );
}

#[test]
fn a_tag_that_leaves_a_follower_behind_is_found() {
    let codes = fatal(|plan| {
        let wave = step(plan, "wave-2");
        wave.actions.retain(|action| {
            !matches!(&action.kind, ActionKind::SelectRevision { namespace, .. } if namespace == "batch")
        });
    });
    assert!(codes.contains(&"ML8403"), "{codes:?}");
    let bound = fatal(|plan| plan.steps.retain(|step| step.stage != Stage::TagBound));
    assert!(bound.contains(&"ML8403"), "{bound:?}");
}

#[test]
fn selectors_are_audited() {
    let to = |change: fn(&mut Selector)| {
        fatal(|plan| {
            for action in &mut step(plan, "wave-2").actions {
                if let ActionKind::SelectRevision { to, .. } = &mut action.kind {
                    change(to);
                }
            }
        })
    };
    assert!(to(|to| to.injection = Some("enabled".to_owned())).contains(&"ML8405"));
    assert!(to(|to| *to = Selector::default()).contains(&"ML8405"));
    assert!(to(|to| to.rev = Some("prod-stable".to_owned())).contains(&"ML8404"));
    assert!(to(|to| to.rev = Some("1-29-6".to_owned())).contains(&"ML8404"));
}

#[test]
fn proofs_are_audited() {
    let proofs = |plan: &mut Plan| {
        step(plan, "wave-1")
            .actions
            .retain(|action| !matches!(action.kind, ActionKind::ProveInjection { .. }));
    };
    assert_eq!(fatal(proofs), ["ML8406"]);
    assert_eq!(fatal(|plan| step(plan, "wave-1").gates.clear()), ["ML8407"]);
    assert_eq!(
        fatal(|plan| step(plan, "control-plane").gates.retain(|gate| *gate != Gate::NothingMoved)),
        ["ML8407"]
    );
    assert_eq!(fatal(|plan| plan.forward_only.clear()), ["ML8408"]);
    assert_eq!(
        fatal(|plan| step(plan, "crds").undo = StepUndo::Inverse { how: "apply the old".to_owned() }),
        ["ML8408"]
    );
    assert_eq!(fatal(|plan| step(plan, "wave-1").undo = StepUndo::NotNeeded), ["ML8408"]);
    assert_eq!(fatal(|plan| step(plan, "wave-1").actions[2].preconditions.clear()), ["ML8413"]);
    let consumers = |plan: &mut Plan| {
        for action in &mut step(plan, "cleanup").actions {
            action.preconditions.retain(|one| !matches!(one, Precondition::NoConsumers { .. }));
        }
    };
    assert_eq!(fatal(consumers), ["ML8413"]);
    let dark = |plan: &mut Plan| {
        plan.steps.retain(|step| step.stage != Stage::Dark);
        step(plan, "cleanup").needs = vec!["observe".to_owned()];
    };
    assert_eq!(fatal(dark), ["ML8409"]);
    assert!(
        fatal(|plan| {
            plan.steps.iter_mut().for_each(|step| {
                step.actions.retain(|action| {
                    !matches!(&action.kind, ActionKind::SelectRevision { namespace, to, .. }
                if namespace == "web" && to.rev.as_deref() == Some("prod-stable"))
                })
            });
            step(plan, "wave-4").actions.retain(|action| action.kind.subject().name != "web");
        })
        .contains(&"ML8409")
    );
}

#[test]
fn limits_and_floors_are_audited() {
    assert_eq!(fatal(|plan| step(plan, "wave-4").pods = 201), ["ML8411"]);
    assert_eq!(fatal(|plan| step(plan, "wave-1").pods = 11), ["ML8411"]);
    assert!(
        fatal(|plan| plan.intent.slo_critical.namespaces = vec!["ledger-classic".to_owned()])
            .contains(&"ML8411")
    );
    assert_eq!(fatal(|plan| step(plan, "wave-1").floors.clear()), ["ML8412"]);
    let accepted = |plan: &mut Plan| {
        plan.steps.iter_mut().flat_map(|step| &mut step.floors).for_each(|floor| floor.accepted_loss = None);
    };
    assert_eq!(fatal(accepted), ["ML8412"]);
    let budget = |plan: &mut Plan| plan.intent.choices.retain(|choice| choice.subject.name != "ledger");
    assert_eq!(fatal(budget), ["ML8412"]);
    assert_eq!(fatal(|plan| step(plan, "wave-1").approve_after = false), ["ML8416"]);
}

#[test]
fn what_waits_must_not_be_touched() {
    let waits = planned("before", &none()).0.waiting;
    let codes = fatal(|plan| plan.waiting = waits);
    assert_eq!(codes, ["ML8414"]);
    let mut plan = planned("before", &none()).0;
    step(&mut plan, "wave-2").may_move.clear();
    plan.digest = plan_digest(&plan);
    assert!(audit(&plan, Some(mesh("before"))).iter().any(|note| note.code == "ML8414"));
}

#[test]
fn digests_and_what_is_not_built_are_audited() {
    let mut plan = planned("before", &none()).0;
    plan.traffic = "observed".to_owned();
    plan.intent.remove_tags.push("prod-canary".into());
    let codes: Vec<_> = audit(&plan, None).into_iter().map(|note| note.code).collect();
    assert!(codes.contains(&"ML8417"));
    let mut plan = planned("ambient-canary-installed", &none()).0;
    let last = plan.steps.last_mut().unwrap();
    last.person.as_mut().unwrap().approval = true;
    plan.digest = plan_digest(&plan);
    let codes: Vec<_> =
        audit(&plan, Some(mesh("ambient-canary-installed"))).into_iter().map(|note| note.code).collect();
    assert_eq!(codes, ["ML8418"]);
}
