//! Every injected pod of the recordings, stripped and injected again, comes out as it was recorded.

use meshlift_model::defaults::{REV_LABEL, STATUS_ANNOTATION};
use meshlift_model::k8s::{Node, Pod, Resource};
use meshlift_model::snapshot::Snapshot;
use meshlift_twin::Store;
use meshlift_twin::admission::injector::{self, Answer, Injector};
use meshlift_twin::admission::review;
use meshlift_twin::seed::Seed;

const RECORDINGS: [&str; 11] = [
    "before",
    "canary-installed",
    "canary-moved",
    "half-moved",
    "moved",
    "after",
    "after-broken",
    "ambient-before",
    "ambient-canary-installed",
    "ambient-tag-moved",
    "ambient-frozen-tag-moved",
];

fn recording(name: &str) -> Snapshot {
    meshlift_snapshot::fixtures::cluster(name).expect("a recording")
}

fn store(snapshot: &Snapshot) -> Store {
    let mut store = Store::new(snapshot.newest_time().expect("objects with times"), Seed::new(1));
    for object in snapshot.objects.to_vec() {
        store.load(object);
    }
    store
}

fn injected(snapshot: &Snapshot) -> impl Iterator<Item = &Pod> {
    snapshot.objects.pods.iter().filter(|pod| injector::status_of(pod).is_some())
}

/// The pod as its owner's template made it, before a node was chosen for it.
fn bare(pod: &Pod) -> Pod {
    let mut bare = injector::strip(pod);
    bare.spec.node_name.clear();
    bare
}

/// What is compared; the overrides name a volume that is not read.
fn comparable(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    pod.spec.node_name.clear();
    pod.metadata.annotations.remove("proxy.istio.io/overrides");
    pod.metadata.annotations.remove(STATUS_ANNOTATION);
    pod
}

fn assert_same(injected: &Pod, recorded: &Pod, context: &str) {
    assert_eq!(injector::status_of(injected), injector::status_of(recorded), "{context}");
    let (injected, recorded) = (comparable(injected), comparable(recorded));
    for (ours, theirs) in injected.spec.all_containers().zip(recorded.spec.all_containers()) {
        assert_eq!(ours, theirs, "{context}");
    }
    assert_eq!(injected, recorded, "{context}");
}

#[test]
fn the_injector_of_its_revision_makes_each_recorded_pod() {
    let mut kinds = [0_usize; 3];
    for name in RECORDINGS {
        let snapshot = recording(name);
        let store = store(&snapshot);
        for recorded in injected(&snapshot) {
            let path = recorded.metadata.path();
            let bare = bare(recorded);
            assert!(injector::proxy_of(&bare).is_none_or(|proxy| proxy.image == "auto"), "{path}");
            assert_eq!(bare.metadata.annotation(REV_LABEL), None);
            let revision = recorded.metadata.annotation(REV_LABEL).unwrap();
            let istiod = snapshot.objects.pods.iter().find(|pod| {
                injector::is_istiod(pod) && injector::revision_of_istiod(pod).unwrap().as_str() == revision
            });
            let mut pod = bare;
            let answer = Injector::of_istiod(&store, istiod.unwrap()).inject(&store, &mut pod);
            assert_eq!(answer, Answer::Injected(revision.into()));
            assert_same(&pod, recorded, &format!("{name}: {path}"));
            let gateway = recorded.metadata.annotation("inject.istio.io/templates").is_some();
            kinds[if gateway { 2 } else { usize::from(!injector::is_native(recorded)) }] += 1;
        }
    }
    assert!(kinds.iter().all(|count| *count > 0), "native, classic and gateway: {kinds:?}");
}

#[test]
fn the_recorded_webhooks_choose_the_revision_that_each_pod_carries() {
    let (mut moving, mut bare_on_restart) = (Vec::new(), Vec::new());
    for name in RECORDINGS {
        let snapshot = recording(name);
        let store = store(&snapshot);
        let mut others = 0;
        for recorded in &snapshot.objects.pods {
            let (pod, calls) = review(&store, bare(recorded)).unwrap();
            let (ours, theirs) = (injector::status_of(&pod), injector::status_of(recorded));
            if ours.is_none() && theirs.is_some() {
                bare_on_restart.push((name, recorded.metadata.namespace.clone()));
                continue;
            }
            assert_eq!(ours.is_some(), theirs.is_some(), "{name}: {}", recorded.metadata.path());
            assert_eq!(
                calls.iter().filter(|call| call.injected_by.is_some()).count(),
                usize::from(ours.is_some())
            );
            if ours.map(|status| status.revision) == theirs.map(|status| status.revision) {
                assert_same(&pod, recorded, &format!("{name}: {}", recorded.metadata.path()));
            } else {
                others += 1;
            }
        }
        moving.push((name, others));
    }
    // The one recording whose tag was removed under its followers.
    assert_eq!(bare_on_restart, vec![("after-broken", "web".into()); 9]);
    // Pods made before their tag moved: a restart would give them the other revision.
    let between: Vec<_> = moving.into_iter().filter(|(_, others)| *others > 0).collect();
    let recorded =
        [("canary-moved", 5), ("half-moved", 87), ("ambient-tag-moved", 3), ("ambient-frozen-tag-moved", 3)];
    assert_eq!(between, recorded);
}

#[test]
fn without_a_ready_istiod_the_pod_is_refused_aloud() {
    let mut snapshot = recording("before");
    for pod in snapshot.objects.pods.iter_mut().filter(|pod| injector::is_istiod(pod)) {
        for condition in pod.status.conditions.iter_mut() {
            condition.status = "False".into();
        }
    }
    let store = store(&snapshot);
    let follower = injected(&snapshot).find(|pod| pod.metadata.namespace == "payments").unwrap().clone();
    let refusal = review(&store, bare(&follower)).unwrap_err().message;
    assert!(
        refusal.starts_with("Internal error occurred: failed calling webhook \"rev.namespace."),
        "{refusal}"
    );
    assert!(refusal.ends_with("no endpoints available for service \"istiod-1-29-6\""), "{refusal}");
    let outside = snapshot.objects.pods.iter().find(|pod| pod.metadata.namespace == "legacy").unwrap();
    assert!(review(&store, bare(outside)).is_ok(), "no webhook matches there");
    for configuration in &mut snapshot.objects.mutating_webhooks {
        configuration.webhooks.iter_mut().for_each(|webhook| webhook.failure_policy = "Ignore".to_owned());
    }
    let store = self::store(&snapshot);
    let (pod, calls) = review(&store, bare(&follower)).unwrap();
    assert!(calls.is_empty() && injector::status_of(&pod).is_none());
}

#[test]
fn one_old_kubelet_turns_native_sidecars_off_unless_the_pod_asks() {
    let mut snapshot = recording("before");
    let node: &mut Node = Node::list_mut(&mut snapshot.objects).first_mut().unwrap();
    node.status.node_info.kubelet_version = "v1.32.9".to_owned();
    let store = store(&snapshot);
    let recorded = injected(&snapshot).find(|pod| pod.metadata.namespace == "payments").unwrap();
    let (classic, _) = review(&store, bare(recorded)).unwrap();
    assert!(injector::proxy_of(&classic).is_some() && !injector::is_native(&classic));
    let mut asking = bare(recorded);
    asking.metadata.annotations.insert("sidecar.istio.io/nativeSidecar".into(), "true".into());
    assert!(injector::is_native(&review(&store, asking).unwrap().0));
}

#[test]
fn words_that_an_injector_does_not_understand_have_no_say() {
    let snapshot = recording("before");
    let store = store(&snapshot);
    let recorded = injected(&snapshot).find(|pod| pod.metadata.namespace == "payments").unwrap();
    let mut pod = bare(recorded);
    // 1.29.6 takes `true` and `false` alone; the namespace decides on the others.
    for (word, is_injected) in [("false", false), ("no", true), ("False", true), ("yes", true)] {
        pod.metadata.labels.insert("sidecar.istio.io/inject".into(), word.into());
        let (pod, _) = review(&store, pod.clone()).unwrap();
        assert_eq!(injector::proxy_of(&pod).is_some(), is_injected, "{word}");
    }
}

#[test]
fn two_injectors_leave_the_last_ones_proxy_and_both_are_told() {
    let mut snapshot = recording("moved");
    let mut second = snapshot
        .objects
        .mutating_webhooks
        .iter()
        .find(|webhook| webhook.metadata.name == "istio-sidecar-injector-1-29-6")
        .unwrap()
        .clone();
    second.metadata.name = "z-second".to_owned();
    for webhook in &mut second.webhooks {
        webhook.namespace_selector = None;
        webhook.object_selector = None;
    }
    snapshot.objects.mutating_webhooks.push(second);
    let store = store(&snapshot);
    let recorded = injected(&snapshot).find(|pod| pod.metadata.namespace == "payments").unwrap();
    let (pod, calls) = review(&store, bare(recorded)).unwrap();
    let by: Vec<String> = calls.iter().flat_map(|call| &call.injected_by).map(ToString::to_string).collect();
    assert_eq!(by, ["1-30-3", "1-29-6", "1-29-6"]);
    assert_eq!(injector::status_of(&pod).unwrap().revision, "1-29-6");
    assert_eq!(pod.spec.all_containers().filter(|container| container.name == "istio-proxy").count(), 1);
}
