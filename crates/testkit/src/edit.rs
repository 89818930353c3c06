//! Objects of a mesh, to be changed.

use meshlift_model::k8s::{ObjectMeta, Pod, PodSpec, Resource, TemplateMeta};
use meshlift_model::snapshot::Snapshot;

/// An object by `namespace/name`, or by name.
///
/// # Panics
/// Where there is none: a test asked for what its mesh does not have.
#[expect(clippy::panic, reason = "for tests: they name what they have")]
pub fn object<'a, R: Resource>(snapshot: &'a mut Snapshot, path: &str) -> &'a mut R {
    let mut all = R::list_mut(&mut snapshot.objects).iter_mut();
    all.find(|object| object.meta().path() == path).unwrap_or_else(|| panic!("no {} {path}", R::KIND))
}

/// Pods of a workload, by `namespace/name` of what makes them: those whose name begins with its name, and whose owner's
/// does.
pub fn pods_of<'a>(snapshot: &'a mut Snapshot, path: &str) -> Vec<&'a mut Pod> {
    let (namespace, name) = path.split_once('/').unwrap_or(("", path));
    let made = |pod: &&mut Pod| {
        let owner = pod.metadata.controller().map(|owner| owner.name.as_str());
        let hash = |rest: &str| rest.is_empty() || (rest.starts_with('-') && !rest[1..].contains('-'));
        pod.metadata.namespace == namespace
            && owner.and_then(|owner| owner.strip_prefix(name)).is_some_and(hash)
    };
    snapshot.objects.pods.iter_mut().filter(made).collect()
}

/// Template and pods of a workload, to be changed alike.
pub fn with_specs(snapshot: &mut Snapshot, path: &str, change: impl Fn(&mut TemplateMeta, &mut PodSpec)) {
    let objects = &mut snapshot.objects;
    let is = |meta: &ObjectMeta| meta.path() == path;
    let deployments =
        objects.deployments.iter_mut().filter(|one| is(&one.metadata)).map(|one| &mut one.spec.template);
    let sets =
        objects.stateful_sets.iter_mut().filter(|one| is(&one.metadata)).map(|one| &mut one.spec.template);
    let agents =
        objects.daemon_sets.iter_mut().filter(|one| is(&one.metadata)).map(|one| &mut one.spec.template);
    for template in deployments.chain(sets).chain(agents) {
        change(&mut template.metadata, &mut template.spec);
    }
    for pod in pods_of(snapshot, path) {
        let Pod { metadata, spec, .. } = pod;
        let mut meta = TemplateMeta::from(&*metadata);
        change(&mut meta, spec);
        (metadata.labels, metadata.annotations) = (meta.labels, meta.annotations);
    }
}
