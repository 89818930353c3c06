//! The twin behind the ports: what goes in comes out, and effects do what they do in a cluster.

use meshlift_model::effect::{
    Change, Effect, Failure, Observation, Outcome, Query, RevisionView, WorkloadView, Write,
};
use meshlift_model::journal::InputEvent;
use meshlift_model::k8s::{Object, Resource, Service};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::WorldPort;
use meshlift_snapshot::fixtures;
use meshlift_twin::traffic::Corner;
use meshlift_twin::world::{TwinOptions, TwinWorld};

fn recording(name: &str) -> Snapshot {
    fixtures::cluster(name).expect("a recording")
}

fn world(name: &str) -> TwinWorld {
    let version: IstioVersion = "1.30.3".parse().expect("a version");
    let manifest = meshlift_snapshot::shipped_manifest(&version, false);
    TwinWorld::load(&recording(name), TwinOptions { seed: 1, corner: Corner::BEST, manifest })
}

fn digest() -> String {
    let version: IstioVersion = "1.30.3".parse().expect("a version");
    meshlift_snapshot::shipped_manifest(&version, false).expect("a shipped manifest").digest
}

fn run(world: &mut TwinWorld, effect: Effect) -> Outcome {
    world.submit(7, &effect);
    loop {
        if let InputEvent::Outcome { effect: 7, outcome } = world.next(None).event {
            return outcome;
        }
    }
}

fn write(world: &mut TwinWorld, target: &str, change: Change) -> Outcome {
    let target: ObjectRef = target.parse().expect("a reference");
    run(world, Effect::Write(Write { target, uid: None, resource_version: None, change }))
}

fn ask(world: &mut TwinWorld, query: Query) -> Observation {
    let outcome = run(world, Effect::Read(query));
    let observation = if let Outcome::Observed { observation } = outcome { Some(observation) } else { None };
    observation.expect("an observation")
}

fn wait(world: &mut TwinWorld, seconds: i64) -> Time {
    let until = world.now().plus_seconds(seconds);
    world.next(Some(until)).at
}

fn workload(world: &mut TwinWorld, workload: &str) -> WorkloadView {
    let query = Query::Workload { workload: workload.parse().expect("a reference") };
    let view = if let Observation::Workload { workload } = ask(world, query) { workload } else { None };
    *view.expect("a workload")
}

fn revision(world: &mut TwinWorld, name: &str) -> RevisionView {
    let query = Query::Revision { revision: name.into() };
    let view = if let Observation::Revision { revision } = ask(world, query) { revision } else { None };
    view.expect("a revision")
}

fn consumers(world: &mut TwinWorld, query: Query) -> Vec<String> {
    let answer = ask(world, query);
    let known = |unknown: &[String]| unknown.is_empty();
    let found = match answer {
        Observation::Consumers { consumers, unknown } if known(&unknown) => Some(consumers),
        _ => None,
    };
    found.expect("consumers, all known")
}

fn done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { .. })
}

fn install(world: &mut TwinWorld) {
    assert!(done(&write(
        world,
        "CustomResourceDefinition/istio.io",
        Change::ApplyCrds { manifest_digest: digest() }
    )));
    let change = Change::InstallRevision { manifest_digest: digest(), replicas_min: 2 };
    assert!(done(&write(world, "Revision/1-30-3", change)));
}

#[test]
fn what_is_loaded_comes_out_again() {
    for name in fixtures::CLUSTERS {
        let snapshot = recording(name);
        let mut world =
            TwinWorld::load(&snapshot, TwinOptions { seed: 1, corner: Corner::BEST, manifest: None });
        let exported = world.snapshot().unwrap();
        assert!(exported.objects == snapshot.objects, "{name}: objects differ");
        assert_eq!(exported.istiods, snapshot.istiods, "{name}");
        assert_eq!(exported.sources, snapshot.sources, "{name}");
        assert_eq!(exported, snapshot, "{name}");
    }
}

/// Without what differs from install to install: identity, times, addresses.
fn comparable(object: &Object) -> Object {
    let mut object = object.clone();
    let meta = object.meta_mut();
    (meta.uid, meta.resource_version) = Default::default();
    meta.creation_timestamp = None;
    meta.generation = 0;
    if let Object::Service(service) = &mut object {
        service.spec.cluster_ip.clear();
    }
    if let Object::Deployment(deployment) = &mut object {
        deployment.status.conditions.clear();
        deployment.status.observed_generation = 0;
    }
    if let Object::HorizontalPodAutoscaler(autoscaler) = &mut object {
        autoscaler.status = Default::default();
    }
    object
}

#[test]
fn an_installed_revision_is_the_one_that_a_real_install_left() {
    let mut world = world("before");
    install(&mut world);
    wait(&mut world, 120);
    let view = revision(&mut world, "1-30-3");
    assert_eq!((view.ready, view.replicas), (2, 2));
    assert_eq!(view.version, Some("1.30.3".parse().unwrap()));
    assert_eq!(view.other_root_cas, [view.root_ca.unwrap()]);
    let real = recording("canary-installed");
    let ours = world.snapshot().unwrap();
    let mut compared = 0;
    for object in real.objects.to_vec() {
        let meta = object.meta();
        let made = ["Pod", "ReplicaSet", "EndpointSlice"].contains(&object.info().kind);
        if made || !meta.name.contains("1-30-3") {
            continue;
        }
        let reference = ObjectRef::new(object.info().kind, &meta.namespace, &meta.name);
        let found = ours.objects.to_vec().into_iter().find(|one| {
            reference.kind == one.info().kind
                && one.meta().name == reference.name
                && one.meta().namespace == reference.namespace
        });
        assert_eq!(found.as_ref().map(comparable), Some(comparable(&object)), "{reference}");
        compared += 1;
    }
    assert_eq!(compared, 17, "objects of the revision");
    let crds = |snapshot: &Snapshot| -> Vec<String> {
        snapshot.objects.crds.iter().map(|crd| crd.metadata.name.clone()).collect()
    };
    assert_eq!(crds(&ours), crds(&real));
}

#[test]
fn a_namespace_moves_by_its_label_and_its_workload_by_a_restart() {
    let mut world = world("before");
    install(&mut world);
    wait(&mut world, 60);
    let label = Change::Labels { labels: [("istio.io/rev".to_owned(), Some("1-30-3".to_owned()))].into() };
    assert!(done(&write(&mut world, "Namespace/web", label)));
    let workloads: Vec<ObjectRef> = vec!["Deployment/web/storefront".parse().unwrap()];
    let query = Query::DryRun { namespace: "web".into(), workloads, count: 3 };
    let Observation::DryRun { proofs } = ask(&mut world, query) else { panic!("no proofs") };
    assert!(
        proofs.len() == 3
            && proofs.iter().all(|proof| proof.revision == Some("1-30-3".into()) && proof.refused.is_none())
    );
    let before = workload(&mut world, "Deployment/web/storefront");
    assert!(before.rolled_out && before.pods.iter().all(|pod| pod.updated && pod.synced), "{before:#?}");
    let restart = |value: &str| Change::TemplateAnnotation {
        key: "kubectl.kubernetes.io/restartedAt".into(),
        value: Some(value.into()),
    };
    let stale = Write {
        target: before.workload.clone(),
        uid: Some(before.uid.clone()),
        resource_version: Some("1".into()),
        change: restart("now"),
    };
    let refused = run(&mut world, Effect::Write(stale));
    assert!(matches!(refused, Outcome::Failed { failure: Failure::Conflict { .. } }), "{refused:?}");
    assert!(done(&write(&mut world, "Deployment/web/storefront", restart("now"))));
    wait(&mut world, 1);
    assert!(!workload(&mut world, "Deployment/web/storefront").rolled_out);
    wait(&mut world, 400);
    let after = workload(&mut world, "Deployment/web/storefront");
    assert!(after.rolled_out && after.pods.len() == before.pods.len(), "{after:#?}");
    for pod in &after.pods {
        assert_eq!(pod.revision, Some("1-30-3".into()), "{pod:?}");
        assert_eq!(pod.connected_to, Some("1-30-3".into()), "{pod:?}");
        assert_eq!(pod.image_version, Some("1.30.3".parse().unwrap()));
        assert!(pod.synced && pod.updated && pod.ready_since.is_some(), "{pod:?}");
    }
    assert_eq!(before.template_digest, after.template_digest);
}

#[test]
fn tags_move_webhook_and_service_together_and_their_removal_can_be_taken_back() {
    let mut world = world("canary-installed");
    let tag = |name: &str| Query::Tag { tag: name.into() };
    let points = |revision: &str| {
        let revision = Some(RevisionName::from(revision));
        Observation::Tag { webhook: revision.clone(), service: revision }
    };
    for name in ["default", "prod-canary"] {
        assert_eq!(ask(&mut world, tag(name)), points("1-29-6"));
        let moved =
            write(&mut world, &format!("RevisionTag/{name}"), Change::SetTag { revision: "1-30-3".into() });
        assert!(done(&moved), "{moved:?}");
        assert_eq!(ask(&mut world, tag(name)), points("1-30-3"));
    }
    let real = recording("after");
    for object in
        real.objects.to_vec().into_iter().filter(|object| object.meta().name.contains("tag-default"))
    {
        let reference = ObjectRef::new(object.info().kind, &object.meta().namespace, &object.meta().name);
        if object.info().kind == "EndpointSlice" {
            continue;
        }
        let Observation::Object { object: Some(ours) } =
            ask(&mut world, Query::Object { object: reference.clone() })
        else {
            panic!("{reference} is not there");
        };
        assert_eq!(comparable(&ours), comparable(&object), "{reference}");
    }
    let Outcome::Done { stored } = write(&mut world, "RevisionTag/prod-canary", Change::RemoveTag) else {
        panic!("not removed");
    };
    assert_eq!(stored.len(), 2);
    assert_eq!(ask(&mut world, tag("prod-canary")), Observation::Tag { webhook: None, service: None });
    for stored in stored {
        let name = stored["metadata"]["name"].as_str().unwrap().to_owned();
        let kind = stored["kind"].as_str().unwrap().to_owned();
        let target = if kind == Service::KIND {
            format!("{kind}/istio-system/{name}")
        } else {
            format!("{kind}/{name}")
        };
        assert!(done(&write(&mut world, &target, Change::Restore { stored })));
    }
    assert_eq!(ask(&mut world, tag("prod-canary")), points("1-30-3"));
    let missing = write(&mut world, "RevisionTag/x", Change::SetTag { revision: "1-99-0".into() });
    assert!(matches!(missing, Outcome::Failed { failure: Failure::NotFound { .. } }), "{missing:?}");
}

#[test]
fn a_bare_pod_comes_back_under_the_other_revision() {
    let mut world = world("canary-installed");
    let label = Change::Labels { labels: [("istio.io/rev".to_owned(), Some("1-30-3".to_owned()))].into() };
    assert!(done(&write(&mut world, "Namespace/batch", label)));
    let before = workload(&mut world, "Pod/batch/debug-shell");
    let began = world.now();
    let outcome = write(&mut world, "Pod/batch/debug-shell", Change::RecreatePod);
    let Outcome::Done { stored } = outcome else { panic!("{outcome:?}") };
    assert_eq!(stored.len(), 1);
    assert!(world.now().millis_since(began) >= 30_000, "the old one had its grace");
    wait(&mut world, 60);
    let after = workload(&mut world, "Pod/batch/debug-shell");
    assert_ne!(before.uid, after.uid);
    assert_eq!(after.pods[0].revision, Some("1-30-3".into()));
    assert_eq!(after.pods[0].connected_to, Some("1-30-3".into()));
    assert!(after.rolled_out);
    let managed =
        world.twin().cluster.store.list::<meshlift_model::k8s::Pod>("web").next().unwrap().object_ref();
    let refused = write(&mut world, &managed.to_string(), Change::RecreatePod);
    assert!(matches!(refused, Outcome::Failed { failure: Failure::Refused { .. } }), "{refused:?}");
}

#[test]
fn budgets_quotas_and_the_injector_refuse_as_they_do_in_a_cluster() {
    let mut world = world("before");
    let ledger = workload(&mut world, "StatefulSet/payments/ledger");
    let refused = write(&mut world, &format!("Pod/payments/{}", ledger.pods[0].name), Change::Evict);
    assert!(matches!(refused, Outcome::Failed { failure: Failure::Budget { .. } }), "{refused:?}");
    let query = Query::DryRun {
        namespace: "quota-tight".into(),
        workloads: vec!["Deployment/quota-tight/ads".parse().unwrap()],
        count: 1,
    };
    let Observation::DryRun { proofs } = ask(&mut world, query.clone()) else { panic!("no proofs") };
    assert!(proofs[0].refused.as_ref().is_some_and(|words| words.contains("exceeded quota")), "{proofs:?}");
    assert_eq!(proofs[0].revision, Some("1-29-6".into()), "the injector was asked directly");
    let scaled = write(&mut world, "Deployment/istio-system/istiod-1-29-6", Change::Replicas { replicas: 0 });
    assert!(done(&scaled));
    wait(&mut world, 60);
    assert_eq!(revision(&mut world, "1-29-6").ready, 0);
    let Observation::DryRun { proofs } = ask(&mut world, query) else { panic!("no proofs") };
    let words = proofs[0].refused.clone().unwrap();
    assert!(words.contains("no endpoints available for service \"istiod-1-29-6\""), "{words}");
}

#[test]
fn consumers_are_told_from_objects_and_from_connections() {
    let mut world = world("before");
    let old = Query::Consumers { revision: "1-29-6".into() };
    let found = consumers(&mut world, old);
    let count = |word: &str| found.iter().filter(|who| who.ends_with(word)).count();
    assert_eq!(count("(annotation)"), 174);
    assert_eq!(count("(connection)"), 174);
    assert!(found.contains(&"Namespace/identity (istio.io/rev=1-29-6)".to_owned()));
    assert!(found.contains(&"Deployment/partner/edi (pod template) by tag prod-stable".to_owned()));
    assert!(
        !found.iter().any(|who| who.contains("Namespace/search (istio.io/rev")),
        "istio-injection decides there"
    );
    assert_eq!(consumers(&mut world, Query::Consumers { revision: "1-30-3".into() }), Vec::<String>::new());
    let canary = consumers(&mut world, Query::Followers { tag: "prod-canary".into() });
    assert_eq!(canary, ["Namespace/web (istio.io/rev=prod-canary)"]);
    let default = consumers(&mut world, Query::Followers { tag: "default".into() });
    assert_eq!(default.iter().filter(|who| who.contains("istio-injection=enabled")).count(), 7);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed: u64| {
        let version: IstioVersion = "1.30.3".parse().unwrap();
        let manifest = meshlift_snapshot::shipped_manifest(&version, false);
        let options = TwinOptions { seed, corner: Corner::WORST, manifest };
        let mut world = TwinWorld::load(&recording("before"), options);
        install(&mut world);
        wait(&mut world, 300);
        format!("{:?}", world.snapshot().unwrap())
    };
    assert!(run(5) == run(5));
    assert!(run(5) != run(6));
}
