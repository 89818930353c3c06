//! Planning again: a finished mesh needs nothing, a mesh half-way needs exactly the rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshlift_mesh::Mesh;
use meshlift_model::action::{ActionKind, Cure, MoveHow};
use meshlift_model::names::RevisionName;
use meshlift_model::plan::Stage;
use meshlift_planner::{Fate, is_finished, leaves_behind, plan};
use meshlift_snapshot::fixtures::CLUSTERS;

use crate::common::*;

#[test]
fn what_a_plan_leaves_behind_needs_nothing() {
    for name in CLUSTERS.iter().filter(|name| !is_ambient(name)) {
        let (first, _) = planned(name, &demo());
        assert!(first.waiting.is_empty(), "{name}: {:?}", waiting(&first));
        let left = Mesh::derive(Arc::new(leaves_behind(mesh(name), &first, Some(manifest(false)))));
        let (again, report) = plan_of(&left, &demo()).unwrap();
        assert!(is_finished(&again) && again.steps.is_empty(), "{name}: {:?}", ids(&again));
        let silent = report.workloads.iter().find(|(_, fate)| fate.words().is_empty());
        assert_eq!(silent, None, "{name}");
        assert_eq!(report.workloads.len(), left.workloads.len(), "{name}: a reason for each");
    }
}

#[test]
fn a_plan_that_waits_leaves_exactly_what_waits() {
    for name in CLUSTERS {
        let (first, _) = planned(name, &none());
        let left =
            Mesh::derive(Arc::new(leaves_behind(mesh(name), &first, Some(manifest(is_ambient(name))))));
        let (again, _) = plan(&left, &none(), Some(manifest(is_ambient(name))), "left").unwrap();
        assert_eq!(moves(&again).len(), 0, "{name}: {:?}", ids(&again));
        assert_eq!(waiting(&again), waiting(&first), "{name}");
    }
}

#[test]
fn a_finished_mesh_is_told_why() {
    let (plan, report) = planned("after", &none());
    assert!(is_finished(&plan) && plan.steps.is_empty());
    for fate in report.workloads.values() {
        assert!(matches!(fate, Fate::Nothing { .. }), "{fate:?}");
    }
    assert_eq!(plan.untouched.len(), mesh("after").workloads.len());
}

#[test]
fn a_mesh_that_was_moved_by_hand_needs_windows_and_cleanup() {
    let (plan, _) = planned("moved", &none());
    assert_eq!(ids(&plan), ["observe", "dark", "cleanup"]);
    assert!(plan.waiting.is_empty() && moves(&plan).is_empty());
    let (plan, _) = planned("moved", &demo());
    assert_eq!(ids(&plan), ["relabel", "observe", "dark", "cleanup"]);
}

#[test]
fn a_follower_of_a_tag_that_moved_needs_no_label() {
    let (plan, _) = planned("half-moved", &demo());
    let selected: BTreeSet<String> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.stage, Stage::Canary | Stage::Wave | Stage::Gateway))
        .flat_map(|step| &step.actions)
        .filter(|action| matches!(action.kind, ActionKind::SelectRevision { .. }))
        .map(|action| action.kind.subject().name.to_string())
        .collect();
    let mut expected: Vec<&str> = vec!["catalog", "identity", "istio-ingress", "search"];
    expected.extend(["team-03", "team-06", "team-09", "team-12"]);
    assert_eq!(selected, expected.into_iter().map(str::to_owned).collect());
    assert!(!ids(&plan).contains(&"tag-prod-stable") && ids(&plan).contains(&"tag-bound-prod-stable"));
}

#[test]
fn half_way_only_what_carries_the_old_revision_moves() {
    let old = Some(RevisionName::new("1-29-6"));
    for name in ["canary-moved", "half-moved"] {
        let (plan, _) = planned(name, &demo());
        let moved: BTreeSet<_> = moves(&plan).into_iter().map(|(_, _, one)| one.workload.clone()).collect();
        let carries = mesh(name).workloads.values().filter(|one| one.now.contains_key(&old));
        assert_eq!(moved, carries.map(|one| one.workload.clone()).collect(), "{name}");
        assert!(!ids(&plan).contains(&"control-plane"), "{name}");
    }
}

#[test]
fn rollouts_that_run_or_were_begun_are_awaited() {
    let (plan, _) = planned("canary-moved", &demo());
    for workload in ["Deployment/web/storefront", "Deployment/web/bff"] {
        assert_eq!(move_of(&plan, workload).how, MoveHow::AwaitRollout, "{workload}");
    }
    let (plan, _) = planned("half-moved", &demo());
    let pg = move_of(&plan, "StatefulSet/data/pg");
    assert_eq!(
        (pg.how, pg.cures.as_slice()),
        (MoveHow::AwaitRollout, &[Cure::SetPartition { from: 1, to: 0 }][..])
    );
    let ads = move_of(&plan, "Deployment/quota-tight/ads");
    assert!(matches!(ads.cures.as_slice(), [Cure::RaiseQuota { .. }]) && ads.how == MoveHow::AwaitRollout);
    assert!(
        ads.seconds_max >= 600 + 1000,
        "a controller that was refused may pause for 1000 s: {}",
        ads.seconds_max
    );
    for workload in ["StatefulSet/data/kafka", "DaemonSet/data/log-agent"] {
        assert_eq!(move_of(&plan, workload).how, MoveHow::DeletePods, "{workload}");
    }
}

#[test]
fn a_namespace_without_its_tag_blocks_and_one_label_heals_it() {
    let (plan, _) = planned("after-broken", &none());
    assert!(plan.steps.is_empty());
    assert_eq!(waiting(&plan), ["Namespace/web"]);
    let intent = choosing(&[("Namespace/web", "relabel-namespace prod-stable")]);
    let (plan, _) = planned("after-broken", &intent);
    assert_eq!(ids(&plan), ["relabel"]);
    assert!(plan.waiting.is_empty() && moves(&plan).is_empty());
}
