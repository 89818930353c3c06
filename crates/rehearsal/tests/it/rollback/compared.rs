//! The comparison itself: it sees whatever is left behind, and only that.

use std::collections::BTreeSet;

use meshlift_model::defaults::{RESTARTED_AT, REV_LABEL};
use meshlift_model::k8s::{Objects, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_rehearsal::{forward_only, restored};
use meshlift_twin::traffic::Corner;

use super::{Case, demo_intent, recorded};

/// What differs once the mesh was changed like this: subjects and words.
fn left(change: impl FnOnce(&mut Objects)) -> Vec<(String, String)> {
    let before = recorded("before");
    let mut after = before.clone();
    change(&mut after.objects);
    told(&before, &after, &BTreeSet::new())
}

fn told(before: &Snapshot, after: &Snapshot, forward_only: &BTreeSet<ObjectRef>) -> Vec<(String, String)> {
    let found = restored(before, after, forward_only, Time::default());
    found.into_iter().map(|one| (one.subject.to_string(), one.detail)).collect()
}

fn named<'a, R: Resource>(objects: &'a mut Objects, name: &str) -> &'a mut R {
    R::list_mut(objects).iter_mut().find(|one| one.meta().path() == name).unwrap()
}

fn one(found: &[(String, String)], subject: &str, words: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, subject);
    assert!(found[0].1.contains(words), "{found:?}");
}

#[test]
fn what_people_write_is_compared_field_by_field() {
    use meshlift_model::k8s::*;
    let found = left(|all| {
        named::<Namespace>(all, "web").metadata.labels.insert(REV_LABEL.into(), "1-30-3".into());
    });
    one(&found, "Namespace/web", "metadata.labels.istio.io/rev is \"1-30-3\", was \"prod-canary\"");
    let found = left(|all| named::<Deployment>(all, "search/indexer").spec.replicas = Some(2));
    one(&found, "Deployment/search/indexer", "spec.replicas is 2, was 1");
    let found = left(|all| {
        let set = named::<StatefulSet>(all, "data/pg");
        set.spec.update_strategy.rolling_update.get_or_insert_default().partition = Some(0);
    });
    one(&found, "StatefulSet/data/pg", "partition is");
    let found = left(|all| {
        named::<Deployment>(all, "web/bff").spec.template.metadata.annotations.insert("a".into(), "b".into());
    });
    one(&found, "Deployment/web/bff", "spec.template.metadata.annotations is {\"a\":\"b\"}, was absent");
    let found = left(|all| all.services.retain(|service| service.metadata.name != "istiod-1-29-6"));
    one(&found, "Service/istio-system/istiod-1-29-6", "is gone");
    let found = left(|all| {
        let mut another = all.config_maps[0].clone();
        another.metadata.name = "istio-1-30-3".into();
        all.config_maps.push(another);
    });
    assert!(found.len() == 1 && found[0].1 == "is left over", "{found:?}");
    let found = left(|all| {
        for webhook in &mut all.validating_webhooks[0].webhooks {
            webhook.failure_policy = "Ignore".into();
        }
    });
    assert!(found.len() == 1 && found[0].1.contains("failurePolicy"), "{found:?}");
    let found = left(|all| all.mutating_webhooks[0].webhooks[0].client_config.ca_bundle = "other".into());
    assert!(found.len() == 1 && found[0].1.contains("caBundle"), "{found:?}");
}

#[test]
fn what_controllers_make_is_compared_by_its_meaning() {
    use meshlift_model::k8s::*;
    let pod = |all: &Objects, name: &str| {
        all.pods.iter().position(|pod| pod.metadata.path().starts_with(name)).unwrap()
    };
    let found = left(|all| {
        let place = pod(all, "web/bff-");
        all.pods[place].metadata.annotations.insert(REV_LABEL.into(), "1-30-3".into());
    });
    one(&found, "Deployment/web/bff", "1 × 1-30-3 Ready");
    let found = left(|all| {
        let place = pod(all, "data/pg-1");
        all.pods[place].spec.init_containers.clear();
    });
    one(&found, "StatefulSet/data/pg", "pg-1");
    let found = left(|all| {
        let place = pod(all, "payments/ledger-2");
        all.pods[place].status.conditions.clear();
    });
    one(&found, "StatefulSet/payments/ledger", "ledger-2 1-29-6 not Ready");
    let found = left(|all| {
        let place = pod(all, "catalog/");
        all.pods.remove(place);
    });
    assert_eq!(found.len(), 1, "{found:?}");
    let found = left(|all| all.pods.retain(|pod| pod.metadata.name != "debug-shell"));
    assert!(found.iter().all(|(subject, _)| subject == "Pod/batch/debug-shell") && !found.is_empty());
    let found = left(|all| {
        let slice = all.endpoint_slices.iter_mut().find(|slice| slice.metadata.namespace == "payments");
        slice.unwrap().endpoints.clear();
    });
    assert!(found.len() == 1 && found[0].1.contains("ready endpoints; without us"), "{found:?}");
}

#[test]
fn what_the_api_server_and_controllers_write_may_differ() {
    use meshlift_model::k8s::*;
    let found = left(|all| {
        for deployment in &mut all.deployments {
            let meta = &mut deployment.metadata;
            (meta.resource_version, meta.generation) = ("9".into(), 9);
            meta.annotations.insert("deployment.kubernetes.io/revision".into(), "9".into());
            deployment.spec.template.metadata.annotations.insert(RESTARTED_AT.into(), "now".into());
            deployment.status.observed_generation = 9;
        }
        for pod in &mut all.pods {
            pod.metadata.uid.push('x');
            if pod.metadata.controller().is_some_and(|owner| owner.kind == ReplicaSet::KIND) {
                pod.metadata.name.push('x');
            }
        }
        for webhook in &mut all.mutating_webhooks {
            webhook.metadata.uid.push('x');
            webhook.webhooks.iter_mut().for_each(|one| one.client_config.ca_bundle = "new".into());
        }
        for service in &mut all.services {
            service.metadata.uid.push('x');
            service.spec.cluster_ip = "10.0.0.1".into();
        }
    });
    assert_eq!(found, []);
}

#[test]
fn only_what_the_plans_header_lists_may_stay() {
    let case = Case::of("before", &demo_intent());
    let listed = forward_only(&case.plan);
    assert!(
        !listed.is_empty() && listed.iter().all(|one| one.kind == "CustomResourceDefinition"),
        "{listed:?}"
    );
    let before = recorded("before");
    let mut after = before.clone();
    after.objects.crds.iter_mut().for_each(|crd| crd.spec.versions.clear());
    let found = told(&before, &after, &listed);
    assert!(found.iter().all(|(subject, _)| !subject.contains("istio.io")), "{found:?}");
    assert!(told(&before, &after, &BTreeSet::new()).len() >= listed.len());
    let mut silent = case.plan.clone();
    silent.forward_only.clear();
    assert!(forward_only(&silent).is_empty(), "what is not listed is not excused");
}

/// The reference is no more than the recording, an hour later.
#[test]
fn a_mesh_that_nobody_touches_stays_as_it_was() {
    let case = Case::of("before", &demo_intent());
    for corner in [Corner::BEST, Corner::WORST] {
        let stage = case.rehearsal(1, None).stage(corner);
        let began = stage.world().began();
        let mut later = stage;
        later.pass_millis(3_600_000);
        assert!(later.world().twin().now() > began);
        assert_eq!(told(&case.mesh.snapshot, &later.snapshot(), &BTreeSet::new()), []);
    }
}
