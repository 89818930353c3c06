//! Proxies and injectors, asked through the API server: a recorded mesh among stand-in istiods.

use std::collections::BTreeMap;

use meshlift_cluster::{self as cluster, Cluster};
use meshlift_istiod_standin::{Behaviour, Standin};
use meshlift_kube::collect;
use meshlift_kube::collect::Options;
use meshlift_model::effect::{Change, InjectionProof, Observation, PodView, Query, RevisionView};
use meshlift_model::k8s::Objects;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::{Snapshot, SourceStatus, VALIDATOR};
use meshlift_ports::WorldPort;
use meshlift_snapshot::fixtures;

use crate::scene::{Scene, restart};

const OLD: &str = "1-29-6";
const NEW: &str = "1-30-3";
/// Namespaces of the recorded mesh that are enough here: the istiods and three kinds of followers.
const NAMESPACES: [&str; 4] = ["istio-system", "web", "quota-tight", "batch"];

fn mesh() -> Snapshot {
    let recording = fixtures::cluster("canary-installed").unwrap();
    let mut objects = Objects::default();
    for object in recording.objects.to_vec() {
        let meta = object.meta();
        let name = if object.info().namespaced { meta.namespace.as_str() } else { meta.name.as_str() };
        if !(object.info().namespaced || object.info().kind == "Namespace") || NAMESPACES.contains(&name) {
            objects.push(object);
        }
    }
    Snapshot { objects, ..recording }
}

#[test]
fn proxies_are_seen_through_the_istiods_that_serve_them() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(Cluster::up(cluster::Options::default())).unwrap();
    let mut standin = runtime.block_on(Standin::start(&cluster)).unwrap();
    runtime.block_on(standin.load(&cluster, &mesh(), &[])).unwrap();
    let mut scene = Scene::with(&cluster.kubeconfig(), "web");
    both_revisions_tell_version_and_root(&mut scene);
    validators_judge_what_is_there(&mut scene, |behaviour| {
        runtime.block_on(standin.behave(NEW, behaviour)).unwrap();
    });
    a_full_quota_leaves_the_injector_to_be_asked(&mut scene);
    a_workload_moves_with_its_proxies(&mut scene);
    a_bare_pod_moves(&mut scene);
}

fn revision(scene: &mut Scene, name: &str) -> RevisionView {
    match scene.ask(Query::Revision { revision: name.into() }) {
        Observation::Revision { revision: Some(view) } => view,
        other => panic!("{other:?}"),
    }
}

fn both_revisions_tell_version_and_root(scene: &mut Scene) {
    let until = scene.world.now().plus_seconds(60);
    // Port-forwards to istiods come a moment after the istiods.
    while [OLD, NEW].iter().any(|name| revision(scene, name).version.is_none()) {
        assert!(scene.world.now() < until, "{:?}", revision(scene, OLD));
    }
    let (old, new) = (revision(scene, OLD), revision(scene, NEW));
    for (view, version) in [(&old, "1.29.6"), (&new, "1.30.3")] {
        assert_eq!((view.ready, view.replicas), (2, 2), "{view:?}");
        assert_eq!(view.version.as_ref().map(ToString::to_string).as_deref(), Some(version));
        assert_eq!(view.other_root_cas, Vec::from_iter(view.root_ca.clone()), "one root for all");
    }
    assert_eq!(old.root_ca, new.root_ca);
}

fn validators_judge_what_is_there(scene: &mut Scene, mut behave: impl FnMut(Behaviour)) {
    let storefront = ObjectRef::new("VirtualService", "web", "storefront");
    let words = "configuration is invalid: weight 120 > 100";
    let refuses_objects = [(storefront.to_string(), words.to_owned())].into();
    behave(Behaviour { refuses_objects, ..Behaviour::default() });
    let read = || collect(&scene.connection, &Options::default(), &mut |_| ()).unwrap();
    let until = scene.world.now().plus_seconds(60);
    let mut mesh = read();
    let asked = |mesh: &Snapshot, revision: &str| {
        let pod = mesh
            .istiods
            .keys()
            .find(|pod| pod.contains(revision) && mesh.istiods[*pod].refusals.is_some())?;
        Some((mesh.source(&format!("istiod/{pod}/{VALIDATOR}")), mesh.istiods[pod].refusals.clone()?))
    };
    // Port-forwards to a webhook come a moment after it.
    while asked(&mesh, OLD).is_none() || asked(&mesh, NEW).is_none() {
        assert!(scene.world.now() < until, "{:#?}", mesh.sources);
        mesh = read();
    }
    let ((old_status, old), (new_status, new)) = (asked(&mesh, OLD).unwrap(), asked(&mesh, NEW).unwrap());
    assert!(matches!(old_status, SourceStatus::Read { count } if count >= 3), "{old_status:?}");
    assert_eq!((old_status, old), (new_status, BTreeMap::new()));
    assert_eq!(new, BTreeMap::from([(storefront, words.to_owned())]));
    behave(Behaviour::default());
}

fn proofs(scene: &mut Scene, workload: ObjectRef, count: usize) -> Vec<InjectionProof> {
    let namespace = workload.namespace.to_string();
    match scene.ask(Query::DryRun { namespace, workloads: vec![workload], count }) {
        Observation::DryRun { proofs } => proofs,
        other => panic!("{other:?}"),
    }
}

fn a_full_quota_leaves_the_injector_to_be_asked(scene: &mut Scene) {
    let ads = ObjectRef::new("Deployment", "quota-tight", "ads");
    let until = scene.world.now().plus_seconds(60);
    loop {
        let proof = proofs(scene, ads.clone(), 1).swap_remove(0);
        assert_eq!(proof.revision, Some(OLD.into()), "{proof:?}");
        if proof.refused.as_ref().is_some_and(|words| words.contains("exceeded quota")) {
            return;
        }
        assert!(scene.world.now() < until, "never refused: {proof:?}");
    }
}

fn is_on(pod: &PodView, revision: &str) -> bool {
    let revision = Some(RevisionName::from(revision));
    pod.revision == revision && pod.connected_to == revision && pod.synced && pod.nack.is_none()
}

fn follow(scene: &mut Scene, namespace: &str) {
    let labels = [("istio.io/rev".to_owned(), Some(NEW.to_owned()))].into();
    scene.write(ObjectRef::cluster("Namespace", namespace), Change::Labels { labels }).unwrap();
}

fn consumers(scene: &mut Scene, revision: &str) -> Vec<String> {
    match scene.ask(Query::Consumers { revision: revision.into() }) {
        Observation::Consumers { consumers, unknown } => {
            assert_eq!(unknown, Vec::<String>::new());
            consumers
        }
        other => panic!("{other:?}"),
    }
}

fn a_workload_moves_with_its_proxies(scene: &mut Scene) {
    let all_on = |revision: &'static str| {
        move |view: &meshlift_model::effect::WorkloadView| {
            let living: Vec<&PodView> = view.pods.iter().filter(|pod| !pod.terminating).collect();
            view.rolled_out && living.len() == 3 && living.iter().all(|pod| is_on(pod, revision))
        }
    };
    let before = scene.until("Deployment", "bff", all_on(OLD));
    assert!(before.pods.iter().all(|pod| pod.image_version.as_ref().is_some_and(|one| one.minor == 29)));
    let bff = scene.at("Deployment", "bff");
    assert!(proofs(scene, bff.clone(), 3).iter().all(|proof| proof.revision == Some(OLD.into())));
    follow(scene, "web");
    let until = scene.world.now().plus_seconds(60);
    // Caches of the API server: the selector is not everywhere at once.
    while !proofs(scene, bff.clone(), 3).iter().all(|proof| proof.revision == Some(NEW.into())) {
        assert!(scene.world.now() < until, "{:?}", proofs(scene, bff.clone(), 1));
    }
    scene.write(bff, restart("2026-01-01T00:00:00Z")).unwrap();
    let after = scene.until("Deployment", "bff", all_on(NEW));
    assert_eq!(after.template_digest, before.template_digest);
    let left = consumers(scene, OLD);
    let of = |who: &str, how: &str| left.iter().any(|one| one.starts_with(who) && one.contains(how));
    assert!(
        of("Pod/web/storefront-", "(annotation)") && of("Pod/web/storefront-", "(connection)"),
        "{left:#?}"
    );
    let moved = after.pods.iter().filter(|pod| !pod.terminating).map(|pod| format!("Pod/web/{}", pod.name));
    for pod in moved {
        assert!(!of(&pod, ""), "{pod} is on {NEW}: {left:#?}");
    }
    let gained = consumers(scene, NEW);
    let connected =
        gained.iter().filter(|who| who.starts_with("Pod/web/bff-") && who.ends_with("(connection)"));
    assert_eq!(connected.count(), 3, "{gained:#?}");
}

fn a_bare_pod_moves(scene: &mut Scene) {
    scene.namespace = "batch".to_owned();
    let before = scene.until("Pod", "debug-shell", |view| view.pods.iter().any(|pod| is_on(pod, OLD)));
    follow(scene, "batch");
    let until = scene.world.now().plus_seconds(60);
    let pod = scene.at("Pod", "debug-shell");
    while proofs(scene, pod.clone(), 1)[0].revision != Some(NEW.into()) {
        assert!(scene.world.now() < until, "{:?}", proofs(scene, pod.clone(), 1));
    }
    let stored = scene.write(pod, Change::RecreatePod).unwrap();
    assert_eq!(stored.len(), 1);
    let after = scene.until("Pod", "debug-shell", |view| view.pods.iter().any(|pod| is_on(pod, NEW)));
    assert_ne!(after.uid, before.uid);
    assert_eq!(after.template_digest, before.template_digest, "the pod itself is the same");
}
