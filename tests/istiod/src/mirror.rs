//! The cluster as istiods see it.

use std::collections::BTreeMap;

use meshlift_model::injection::{is_istiod, revision_of_istiod};
use meshlift_model::k8s::{
    ConfigMap, MutatingWebhookConfiguration, Namespace, Node, Object, Pod, Resource,
    ValidatingWebhookConfiguration,
};

/// Namespace and name.
pub(crate) type Key = (String, String);

/// Objects of one kind.
#[derive(Debug)]
pub(crate) struct Kept<R> {
    objects: BTreeMap<Key, R>,
    /// True once it was listed.
    listed: bool,
}

impl<R> Default for Kept<R> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), listed: false }
    }
}

impl<R: Resource> Kept<R> {
    pub(crate) fn replace(&mut self, objects: Vec<R>) {
        self.objects = objects.into_iter().map(|object| (key(&object), object)).collect();
        self.listed = true;
    }

    pub(crate) fn put(&mut self, object: R) {
        self.objects.insert(key(&object), object);
    }

    pub(crate) fn remove(&mut self, object: &R) {
        self.objects.remove(&key(object));
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&R> {
        self.objects.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.objects.values()
    }
}

/// Namespace and name of an object.
pub(crate) fn key<R: Resource>(object: &R) -> Key {
    (object.meta().namespace.to_string(), object.meta().name.clone())
}

/// All that istiods look at.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) pods: Kept<Pod>,
    pub(crate) nodes: Kept<Node>,
    pub(crate) namespaces: Kept<Namespace>,
    pub(crate) config_maps: Kept<ConfigMap>,
    pub(crate) mutating: Kept<MutatingWebhookConfiguration>,
    pub(crate) validating: Kept<ValidatingWebhookConfiguration>,
}

/// Where the mirror keeps a kind.
pub(crate) trait Kind: Sized {
    fn kept(mirror: &mut Mirror) -> &mut Kept<Self>;
}

macro_rules! kinds {
    ($($kind:ty => $field:ident),* $(,)?) => { $(
        impl Kind for $kind {
            fn kept(mirror: &mut Mirror) -> &mut Kept<Self> {
                &mut mirror.$field
            }
        }
    )* };
}

kinds! {
    Pod => pods,
    Node => nodes,
    Namespace => namespaces,
    ConfigMap => config_maps,
    MutatingWebhookConfiguration => mutating,
    ValidatingWebhookConfiguration => validating,
}

impl Mirror {
    /// True once every kind was listed.
    pub(crate) fn is_complete(&self) -> bool {
        self.pods.listed
            && self.nodes.listed
            && self.namespaces.listed
            && self.config_maps.listed
            && self.mutating.listed
            && self.validating.listed
    }

    /// Running istiods with an address, each with its revision.
    pub(crate) fn istiods(&self) -> impl Iterator<Item = (&Pod, String)> {
        let runs =
            |pod: &&Pod| is_istiod(pod) && pod.status.phase == "Running" && !pod.status.pod_ip.is_empty();
        self.pods.iter().filter(runs).map(|pod| (pod, revision(pod)))
    }

    /// What an injector looks at: its settings and the nodes.
    pub(crate) fn injector_objects(&self, namespace: &str) -> Vec<Object> {
        let settings = self.config_maps.iter().filter(|map| map.metadata.namespace == namespace);
        let settings = settings.map(|map| map.clone().into_object());
        settings.chain(self.nodes.iter().map(|node| node.clone().into_object())).collect()
    }
}

/// Revision of an istiod.
pub(crate) fn revision(istiod: &Pod) -> String {
    revision_of_istiod(istiod).map(|revision| revision.as_str().to_owned()).unwrap_or_default()
}
