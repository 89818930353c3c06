//! istiods: which there are, which revision each serves, and where a Service leads.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::k8s::{Deployment, EndpointSlice, Pod, PodSpec, Service, StringMap};
use meshlift_model::names::{IstioVersion, RevisionName};
use meshlift_model::snapshot::IstiodAnswers;

use crate::index::{Index, selects};

/// Revision of an istiod that names none.
pub(crate) const UNREVISIONED: &str = "default";

/// All istiods of a snapshot.
pub(crate) struct ControlPlane<'a> {
    pub(crate) deployments: Vec<(RevisionName, &'a Deployment)>,
    /// Pods that are not finished.
    pub(crate) pods: Vec<(RevisionName, &'a Pod)>,
    /// Revision by pod name: answers of istiods are recorded by pod name alone.
    pub(crate) by_pod: BTreeMap<&'a str, RevisionName>,
}

/// Where a Service leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServiceTarget {
    /// To istiods of one revision.
    Revision(RevisionName),
    /// To istiods of several revisions.
    Several(Vec<RevisionName>),
    /// To no istiod that was recorded.
    Nothing,
    /// There is no such Service.
    NoService,
}

impl<'a> ControlPlane<'a> {
    pub(crate) fn new(index: &Index<'a>) -> Self {
        let objects = &index.snapshot.objects;
        let mut deployments: Vec<_> = objects
            .deployments
            .iter()
            .filter(|deployment| is_istiod(&deployment.spec.template.metadata.labels))
            .map(|deployment| {
                let template = &deployment.spec.template;
                (revision_of(&template.metadata.labels, &template.spec), deployment)
            })
            .collect();
        let mut pods: Vec<_> = objects
            .pods
            .iter()
            .filter(|pod| is_istiod(&pod.metadata.labels) && !pod.is_finished())
            .map(|pod| (revision_of(&pod.metadata.labels, &pod.spec), pod))
            .collect();
        deployments.sort_by_key(|(_, deployment)| deployment.metadata.path());
        pods.sort_by_key(|(_, pod)| pod.metadata.path());
        let by_pod =
            pods.iter().map(|(revision, pod)| (pod.metadata.name.as_str(), revision.clone())).collect();
        Self { deployments, pods, by_pod }
    }

    /// Spec of an istiod of the revision: its Deployment's template, else a pod's.
    pub(crate) fn spec(&self, revision: &RevisionName) -> Option<&'a PodSpec> {
        let deployment = self.deployments.iter().find(|(name, _)| name == revision);
        let pod = || self.pods.iter().find(|(name, _)| name == revision);
        deployment
            .map(|(_, deployment)| &deployment.spec.template.spec)
            .or_else(|| pod().map(|(_, pod)| &pod.spec))
    }

    /// Pods of a revision.
    pub(crate) fn pods_of(&self, revision: &RevisionName) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(move |(name, _)| name == revision).map(|(_, pod)| *pod)
    }

    /// Where a Service leads, by its selector.
    pub(crate) fn target(&self, index: &Index<'a>, namespace: &str, name: &str) -> ServiceTarget {
        let Some(service) = index.service(namespace, name) else { return ServiceTarget::NoService };
        let revisions = self.selected(service);
        match revisions.len() {
            0 => ServiceTarget::Nothing,
            1 => ServiceTarget::Revision(revisions.into_iter().next().unwrap_or_else(|| UNREVISIONED.into())),
            _ => ServiceTarget::Several(revisions.into_iter().collect()),
        }
    }

    fn selected(&self, service: &Service) -> BTreeSet<RevisionName> {
        let selects = |namespace: &str, labels: &StringMap| {
            namespace == service.metadata.namespace && selects(&service.spec.selector, labels)
        };
        let deployments = self.deployments.iter().filter(|(_, deployment)| {
            selects(&deployment.metadata.namespace, &deployment.spec.template.metadata.labels)
        });
        let pods = self.pods.iter().filter(|(_, pod)| selects(&pod.metadata.namespace, &pod.metadata.labels));
        let of_deployments = deployments.map(|(revision, _)| revision.clone());
        of_deployments.chain(pods.map(|(revision, _)| revision.clone())).collect()
    }

    /// Whether a Service has a ready endpoint; `None` where that was not read.
    pub(crate) fn is_ready(&self, index: &Index<'a>, namespace: &str, service: &str) -> Option<bool> {
        if index.doubt::<EndpointSlice>().is_some() {
            return None;
        }
        let endpoints = index.slices(namespace, service).iter().flat_map(|slice| &slice.endpoints);
        Some(
            endpoints
                .into_iter()
                .any(|endpoint| endpoint.conditions.ready.unwrap_or(true) && !endpoint.addresses.is_empty()),
        )
    }

    /// Version of a revision: what its istiods answer, else their image. `None` where they differ.
    pub(crate) fn version(&self, index: &Index<'a>, revision: &RevisionName) -> Option<IstioVersion> {
        let answers = &index.snapshot.istiods;
        let of_pods = self.pods_of(revision).map(|pod| {
            answered_version(answers.get(&pod.metadata.name)).or_else(|| version_of_spec(&pod.spec))
        });
        let mut versions: BTreeSet<IstioVersion> = of_pods.flatten().collect();
        if versions.is_empty() {
            versions.extend(self.spec(revision).and_then(version_of_spec));
        }
        if versions.len() == 1 { versions.into_iter().next() } else { None }
    }

    /// Value of an environment variable of the revision's istiods.
    pub(crate) fn env(&self, revision: &RevisionName, name: &str) -> Option<&'a str> {
        self.spec(revision)?.containers.iter().find_map(|container| container.env_value(name))
    }
}

/// True for labels of istiod's pods.
pub(crate) fn is_istiod(labels: &StringMap) -> bool {
    labels.get("app").is_some_and(|app| app == "istiod")
}

/// Revision that an istiod serves: its `REVISION`, else its label, else `default`.
pub(crate) fn revision_of(labels: &StringMap, spec: &PodSpec) -> RevisionName {
    let env = spec.containers.iter().find_map(|container| container.env_value("REVISION"));
    let label = labels.get(REV_LABEL).map(String::as_str);
    let name = env.filter(|name| !name.is_empty()).or(label).filter(|name| !name.is_empty());
    RevisionName::new(name.unwrap_or(UNREVISIONED))
}

/// Version that an image's tag names; `None` for a digest, `latest` and the like.
pub(crate) fn image_version(image: &str) -> Option<IstioVersion> {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    IstioVersion::from_loose(tag)
}

fn answered_version(answers: Option<&IstiodAnswers>) -> Option<IstioVersion> {
    IstioVersion::from_loose(answers?.version.as_deref()?)
}

fn version_of_spec(spec: &PodSpec) -> Option<IstioVersion> {
    spec.containers.iter().find_map(|container| image_version(&container.image))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_images() {
        let version = |image: &str| image_version(image).map(|version| version.to_string());
        assert_eq!(version("docker.io/istio/proxyv2:1.29.6-distroless").as_deref(), Some("1.29.6"));
        assert_eq!(
            version("registry:5000/istio/proxyv2:1.31.0-rc.0@sha256:ab").as_deref(),
            Some("1.31.0-rc.0")
        );
        assert_eq!(version("registry:5000/istio/proxyv2"), None);
        assert_eq!(version("istio/proxyv2:latest"), None);
    }
}
