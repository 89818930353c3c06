//! What differs between two plans.

use meshlift_planner::diff;

use crate::common::*;

#[test]
fn a_plan_does_not_differ_from_itself() {
    let (plan, _) = planned("before", &demo());
    assert!(diff(&plan, &plan).is_empty());
    assert_eq!(diff(&plan, &plan).to_string(), "the plans say the same\n");
}

#[test]
fn one_more_choice_shows_what_it_changes() {
    let (first, _) = planned("before", &none());
    let (second, _) = planned("before", &choosing(&[("Deployment/team-08/jobs-1", "scale-up-first")]));
    let diff = diff(&first, &second);
    let text = diff.to_string();
    assert!(diff.added.is_empty() && !diff.reordered, "{text}");
    assert!(
        diff.changed.values().flatten().any(|one| one.to.as_deref() == Some("Deployment/team-08/jobs-1")),
        "{text}"
    );
    assert!(diff.header.iter().any(|one| one.path.starts_with("intent.choices")), "{text}");
}

#[test]
fn steps_that_only_one_has_are_named() {
    let (first, _) = planned("before", &none());
    let (second, _) = planned("before", &demo());
    let diff = diff(&first, &second);
    for id in ["wave-8", "tag-default", "observe", "dark", "cleanup"] {
        assert!(diff.added.contains(&id.to_owned()), "{id}");
    }
    assert!(diff.removed.is_empty());
}
