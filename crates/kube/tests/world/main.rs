//! A real cluster behind the port: every change and its undo, every question, and what is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod changes;
mod faults;
mod istiods;
mod managers;
mod permissions;
mod pods;
mod questions;
mod revisions;
mod rollouts;
mod scene;

use std::panic::{AssertUnwindSafe, catch_unwind};

use meshlift_cluster::{Cluster, Options};
use scene::Scene;

type Scenario = fn(&mut Scene);

/// One cluster, a namespace for each scenario.
#[test]
fn effects_on_a_real_cluster() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(Cluster::up(Options::default())).unwrap();
    let scenarios: [(&str, Scenario); 18] = [
        ("labels", changes::labels_change_in_one_patch_and_only_on_the_object_they_were_made_for),
        ("changes", changes::every_change_can_be_done_twice_and_taken_back),
        ("misfits", changes::a_change_that_does_not_fit_is_refused),
        ("held", changes::nothing_is_written_while_a_person_holds_every_run),
        ("deletes", changes::an_object_is_deleted_once_and_restored_once),
        ("budget", pods::a_budget_holds_an_eviction_back),
        ("quota", pods::a_quota_refuses_in_its_own_words),
        ("bare", pods::a_bare_pod_is_made_anew_without_what_injection_added),
        ("rolls", rollouts::a_rollout_is_seen_from_its_start_to_its_end),
        ("stuck", rollouts::a_rollout_that_never_gets_ready_says_why),
        ("partition", rollouts::a_partition_keeps_pods_back_until_it_is_moved),
        ("on-delete", rollouts::pods_of_an_on_delete_set_move_when_they_are_deleted),
        ("install", revisions::a_revision_is_installed_and_can_be_installed_again),
        ("tags", revisions::a_tag_is_what_istioctl_would_have_written),
        ("follows", questions::followers_and_consumers_are_found),
        ("census", questions::a_census_sees_what_moved),
        ("missing", questions::what_is_not_there_is_said),
        ("commands", questions::commands_arrive_in_between),
    ];
    let mut failed = Vec::new();
    for (namespace, scenario) in scenarios {
        eprintln!("{namespace}");
        let ran = catch_unwind(AssertUnwindSafe(|| scenario(&mut Scene::new(&cluster, namespace))));
        failed.extend(ran.is_err().then_some(namespace));
    }
    let ran = catch_unwind(AssertUnwindSafe(|| permissions::a_missing_permission_is_named(&cluster)));
    failed.extend(ran.is_err().then_some("permissions"));
    assert!(failed.is_empty(), "failed: {failed:?}");
}
