//! Whose a subject is, by a label.

use std::collections::BTreeMap;

use meshlift_mesh::Mesh;
use meshlift_model::k8s::{ObjectMeta, Resource};
use meshlift_model::names::ObjectRef;

/// The namespace that a subject is in, or is.
pub(super) fn namespace_of(subject: &ObjectRef) -> &str {
    if subject.kind == "Namespace" { &subject.name } else { &subject.namespace }
}

/// Values of a label.
pub(super) struct Owners<'a> {
    mesh: &'a Mesh,
    key: &'a str,
    namespaces: BTreeMap<&'a str, &'a str>,
    /// Of workloads themselves, which may have other labels than their pods.
    workloads: BTreeMap<ObjectRef, &'a str>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(mesh: &'a Mesh, key: &'a str) -> Self {
        let objects = &mesh.snapshot.objects;
        let namespaces = objects.namespaces.iter().map(|one| &one.metadata);
        let mut workloads = BTreeMap::new();
        let mut add = |reference: ObjectRef, meta: &'a ObjectMeta| {
            if let Some(value) = meta.label(key) {
                workloads.insert(reference, value);
            }
        };
        objects.deployments.iter().for_each(|one| add(one.object_ref(), &one.metadata));
        objects.stateful_sets.iter().for_each(|one| add(one.object_ref(), &one.metadata));
        objects.daemon_sets.iter().for_each(|one| add(one.object_ref(), &one.metadata));
        let namespaces = namespaces.filter_map(|meta| Some((meta.name.as_str(), meta.label(key)?))).collect();
        Self { mesh, key, namespaces, workloads }
    }

    /// The value that counts for a subject.
    pub(super) fn name(&self, subject: &ObjectRef) -> Option<&'a str> {
        let pods = self.mesh.workloads.get(subject).and_then(|one| one.template.metadata.label(self.key));
        pods.or_else(|| self.workloads.get(subject).copied())
            .or_else(|| self.namespaces.get(namespace_of(subject)).copied())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use meshlift_model::k8s::{Deployment, Namespace, Shared, StringMap};
    use meshlift_model::snapshot::Snapshot;

    use super::*;

    #[test]
    fn a_workload_is_its_own_labels_before_its_namespaces() {
        let mut snapshot = Snapshot::default();
        let meta = |namespace: &str, name: &str, team: &str| ObjectMeta {
            namespace: namespace.into(),
            name: name.into(),
            labels: Shared::from(StringMap::from([("team".to_owned(), team.to_owned())])),
            ..ObjectMeta::default()
        };
        snapshot.objects.namespaces = vec![Namespace { metadata: meta("", "web", "platform") }];
        snapshot.objects.deployments =
            vec![Deployment { metadata: meta("web", "bff", "shop"), ..Deployment::default() }];
        let mesh = Mesh::derive(Arc::new(snapshot));
        let owners = Owners::of(&mesh, "team");
        let name = |text: &str| owners.name(&text.parse().unwrap());
        assert_eq!(name("Deployment/web/bff"), Some("shop"));
        assert_eq!(name("Deployment/web/other"), Some("platform"));
        assert_eq!(name("Deployment/elsewhere/bff"), None);
    }
}
