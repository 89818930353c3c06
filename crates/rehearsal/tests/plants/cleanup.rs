//! Cleanup on one source alone.

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{MutatingWebhookConfiguration, ObjectMeta, Pod};
use meshlift_model::plant::Plant;
use meshlift_model::time::Time;
use meshlift_twin::Store;
use meshlift_twin::world::TwinWorld;

use crate::run::{Meddle, Seen};
use crate::{PLAIN, Scene, caught};

/// By then the last step before the observation has looked for the first time, and not for the last.
const WATCHED_SECONDS: i64 = 100;

/// Once nothing needs the old revision and before anybody looks for what is new, somebody starts a pod with a proxy
/// of it that was put in by hand: no object tells of the revision, but the proxy connects.
fn puts_in_a_proxy_by_hand() -> Meddle {
    let mut template: Option<Pod> = None;
    let mut moved: Option<Time> = None;
    let mut done = false;
    Box::new(move |world: &mut TwinWorld, seen: &Seen<'_>| {
        let (now, store) = (world.twin().now(), &mut world.twin_mut().cluster.store);
        let pod = template.get_or_insert_with(|| {
            let old = |pod: &&Pod| pod.metadata.annotation(REV_LABEL) == Some("1-29-6");
            store.list::<Pod>("web").find(old).cloned().expect("a pod of the old revision")
        });
        if done || !matches!(seen, Seen::Mesh) || !default_is_moved(store) {
            return;
        }
        if now.millis_since(*moved.get_or_insert(now)) < WATCHED_SECONDS * 1000 {
            return;
        }
        done = true;
        let mut pod = pod.clone();
        let labels = std::iter::once(("sidecar.istio.io/inject".to_owned(), "false".to_owned())).collect();
        let (namespace, name) = ("legacy".to_owned(), "by-hand".to_owned());
        pod.metadata = ObjectMeta { namespace: namespace.into(), name, labels, ..ObjectMeta::default() };
        pod.spec.node_name.clear();
        store.create(pod).expect("created");
    })
}

fn default_is_moved(store: &Store) -> bool {
    let webhooks = store.list_all::<MutatingWebhookConfiguration>().map(|one| &one.metadata);
    let mut tags = webhooks.filter(|meta| meta.label(TAG_LABEL) == Some("default"));
    tags.any(|meta| meta.label(REV_LABEL) == Some("1-30-3"))
}

#[test]
fn cleanup_by_one_source() {
    let scene = Scene { meddle: puts_in_a_proxy_by_hand, ..PLAIN };
    caught(&scene, &[(Plant::CleanupOnOneSource, "8")]);
}
