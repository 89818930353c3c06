//! A larger mesh made from a recorded one: its nodes and its app namespaces, several times over.

use std::collections::BTreeSet;

use meshlift_model::k8s::{KINDS, KindWork, Object, ObjectMeta, Objects, Pod, Resource, with_kind};
use meshlift_model::snapshot::{IstiodAnswers, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The label of a node that is its name.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The snapshot with `copies` more of each node and of each namespace that holds no part of the control plane.
///
/// Names inside of hosts stay: copies call the originals, as teams call shared services. DaemonSets are not copied:
/// they have a pod more for each node more.
#[must_use]
pub fn enlarge(snapshot: &Snapshot, copies: usize) -> Snapshot {
    let mut large = snapshot.clone();
    for copy in 1..=copies {
        for kind in KINDS {
            with_kind(kind.resource, Copy { from: &snapshot.objects, into: &mut large.objects, copy });
        }
        for (istiod, answers) in &mut large.istiods {
            if let Some(recorded) = snapshot.istiods.get(istiod) {
                connect(answers, recorded, snapshot, copy);
            }
        }
    }
    let times = i32::try_from(copies + 1).unwrap_or(i32::MAX);
    for status in large.objects.daemon_sets.iter_mut().map(|set| &mut set.status) {
        status.desired_number_scheduled *= times;
        status.current_number_scheduled *= times;
        status.number_misscheduled *= times;
        status.number_ready *= times;
        status.number_available *= times;
        status.number_unavailable *= times;
        status.updated_number_scheduled *= times;
    }
    large
}

struct Copy<'a> {
    from: &'a Objects,
    into: &'a mut Objects,
    copy: usize,
}

impl KindWork for Copy<'_> {
    type Output = ();

    fn run<R>(self)
    where
        R: Resource + Serialize + DeserializeOwned + Clone + PartialEq,
    {
        for object in R::list(self.from) {
            let meta = object.meta();
            let namespace = if R::KIND == "Namespace" { meta.name.as_str() } else { meta.namespace.as_str() };
            let object = || object.clone().into_object();
            if R::KIND == "Node" || R::KIND == "Pod" && is_per_node(meta) {
                self.into.push(with_node(object(), self.copy));
            } else if is_app(self.from, namespace) && R::KIND != "DaemonSet" && !is_per_node(meta) {
                self.into.push(renamed(object(), namespace, self.copy));
            }
        }
    }
}

fn is_per_node(meta: &ObjectMeta) -> bool {
    meta.owner_references.iter().any(|owner| owner.kind == "DaemonSet")
}

/// Another node, or what a DaemonSet has on it.
fn with_node(mut object: Object, copy: usize) -> Object {
    let meta = object.meta_mut();
    meta.name = copied(&meta.name, copy);
    meta.uid = copied(&meta.uid, copy);
    match &mut object {
        Object::Node(node) => {
            if let Some(name) = node.metadata.labels.get_mut(HOSTNAME) {
                *name = copied(name, copy);
            }
        }
        Object::Pod(pod) => move_to_copy(pod, copy),
        _ => {}
    }
    object
}

/// A pod of the copy runs on the copy of its node.
fn move_to_copy(pod: &mut Pod, copy: usize) {
    if !pod.spec.node_name.is_empty() {
        pod.spec.node_name = copied(&pod.spec.node_name, copy).into();
    }
}

fn renamed(mut object: Object, namespace: &str, copy: usize) -> Object {
    let name = copied(namespace, copy);
    let meta = object.meta_mut();
    meta.uid = copied(&meta.uid, copy);
    for owner in &mut meta.owner_references {
        owner.uid = copied(&owner.uid, copy);
    }
    if meta.namespace.is_empty() {
        meta.name = name;
    } else {
        meta.namespace = name.into();
    }
    match &mut object {
        Object::Pod(pod) => move_to_copy(pod, copy),
        Object::EndpointSlice(slice) => {
            for target in slice.endpoints.iter_mut().filter_map(|endpoint| endpoint.target_ref.as_mut()) {
                target.namespace = copied(&target.namespace, copy).into();
                target.uid = copied(&target.uid, copy);
            }
        }
        _ => {}
    }
    object
}

fn copied(name: &str, copy: usize) -> String {
    format!("{name}-c{copy}")
}

/// True for namespaces that are neither Kubernetes' own nor hold an istiod.
fn is_app(objects: &Objects, namespace: &str) -> bool {
    let istiod = |label: Option<&String>| label.is_some_and(|app| app == "istiod");
    !namespace.is_empty()
        && !namespace.starts_with("kube-")
        && namespace != "default"
        && !objects
            .deployments
            .iter()
            .any(|d| d.metadata.namespace == namespace && istiod(d.metadata.labels.get("app")))
}

fn connect(answers: &mut IstiodAnswers, recorded: &IstiodAnswers, snapshot: &Snapshot, copy: usize) {
    let pods = snapshot.objects.pods.iter().map(|pod| &pod.metadata).filter(|meta| is_per_node(meta));
    let per_node: BTreeSet<(&str, &str)> =
        pods.map(|meta| (meta.namespace.as_str(), meta.name.as_str())).collect();
    let other = |proxy: &str| {
        let (pod, namespace) = proxy.rsplit_once('.')?;
        if per_node.contains(&(namespace, pod)) {
            return Some(format!("{}.{namespace}", copied(pod, copy)));
        }
        is_app(&snapshot.objects, namespace).then(|| format!("{pod}.{}", copied(namespace, copy)))
    };
    if let (Some(syncz), Some(recorded)) = (&mut answers.syncz, &recorded.syncz) {
        syncz.extend(recorded.iter().filter_map(|status| {
            let mut status = status.clone();
            status.proxy = other(&status.proxy)?;
            Some(status)
        }));
    }
    if let (Some(connections), Some(recorded)) = (&mut answers.connections, &recorded.connections) {
        connections.extend(recorded.iter().filter_map(|connection| {
            let (proxy, number) = connection.connection_id.rsplit_once('-')?;
            let mut connection = connection.clone();
            connection.connection_id = format!("{}-{number}", other(proxy)?);
            Some(connection)
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_pods_proxies_and_connections_of_its_own() {
        let small = meshlift_snapshot::demo().unwrap();
        let large = enlarge(&small, 2);
        let pods = |snapshot: &Snapshot, namespace: &str| {
            snapshot.objects.pods.iter().filter(|pod| pod.metadata.namespace == namespace).count()
        };
        assert_eq!(pods(&large, "web-c2"), pods(&small, "web"));
        assert_eq!(pods(&large, "istio-system"), pods(&small, "istio-system"));
        let proxies = |snapshot: &Snapshot| {
            snapshot.istiods.values().flat_map(|istiod| istiod.syncz.iter().flatten()).count()
        };
        assert!(proxies(&large) > 2 * proxies(&small));
    }

    #[test]
    fn a_copy_has_nodes_of_its_own_with_their_daemon_sets_pods() {
        let small = meshlift_snapshot::demo().unwrap();
        let large = enlarge(&small, 2);
        assert_eq!(large.objects.nodes.len(), 3 * small.objects.nodes.len());
        let nodes: BTreeSet<&str> =
            large.objects.nodes.iter().map(|node| node.metadata.name.as_str()).collect();
        assert_eq!(nodes.len(), large.objects.nodes.len());
        let pods = large.objects.pods.iter();
        assert!(pods.clone().all(|pod| nodes.contains(pod.spec.node_name.as_str())));
        for set in &large.objects.daemon_sets {
            let is_of_set =
                |pod: &&Pod| pod.metadata.owner_references.iter().any(|owner| owner.uid == set.metadata.uid);
            let own: BTreeSet<&str> =
                pods.clone().filter(is_of_set).map(|pod| pod.spec.node_name.as_str()).collect();
            assert_eq!(own.len(), usize::try_from(set.status.current_number_scheduled).unwrap());
        }
    }
}
