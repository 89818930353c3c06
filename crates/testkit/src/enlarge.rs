//! A larger mesh made from a recorded one: its app namespaces, several times over.

use meshlift_model::k8s::{KINDS, KindWork, Object, Objects, Resource, with_kind};
use meshlift_model::snapshot::{IstiodAnswers, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Times that nodes grow, so that all copies fit on them.
const NODE_GROWTH: i64 = 20;

/// The snapshot with `copies` more of each namespace that holds no part of the control plane.
///
/// Names inside of hosts stay: copies call the originals, as teams call shared services. DaemonSets are not
/// copied: their pods are one per node, and nodes stay as many as they are.
#[must_use]
pub fn enlarge(snapshot: &Snapshot, copies: usize) -> Snapshot {
    let mut large = snapshot.clone();
    for node in &mut large.objects.nodes {
        for quantity in node.status.allocatable.values_mut() {
            *quantity = grown(quantity);
        }
    }
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
    large
}

/// A quantity times [`NODE_GROWTH`]: `8` or `32Gi`.
fn grown(quantity: &str) -> String {
    let digits = quantity.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = &quantity[digits.len()..];
    digits
        .parse::<i64>()
        .map_or_else(|_| quantity.to_owned(), |number| format!("{}{unit}", number * NODE_GROWTH))
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
            let namespace = if R::KIND == "Namespace" {
                object.meta().name.clone()
            } else {
                object.meta().namespace.to_string()
            };
            let owned_by = |kind: &str| object.meta().owner_references.iter().any(|owner| owner.kind == kind);
            let per_node = R::KIND == "DaemonSet" || owned_by("DaemonSet");
            if is_app(self.from, &namespace) && !per_node {
                let copied = renamed(object.clone().into_object(), &namespace, self.copy);
                self.into.push(copied);
            }
        }
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
    if let Object::EndpointSlice(slice) = &mut object {
        for target in slice.endpoints.iter_mut().filter_map(|endpoint| endpoint.target_ref.as_mut()) {
            target.namespace = copied(&target.namespace, copy).into();
            target.uid = copied(&target.uid, copy);
        }
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
    let other = |proxy: &str| {
        let (pod, namespace) = proxy.rsplit_once('.')?;
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
        assert_eq!(grown("32Gi"), "640Gi");
    }
}
