//! ML5012: images that come from where they will not be.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Registries from which Istio's images are being taken.
const ENDING: [&str; 2] = ["gcr.io/istio-release/", "registry.istio.io/"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5012",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "Istio's images come from a registry that is being shut down",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "set the hub of this revision, and of the one to come, to docker.io/istio or to a mirror of your own",
        why: "Istio closes gcr.io/istio-release and registry.istio.io in December 2026, and switches them off in \
              tests before, the last one for a day from 8 December on. A pod that is made on a node without the \
              image then does not start: every restart, and every autoscaler, depends on it.",
        see: "`kubectl get pods -A -o jsonpath='{.items[*].spec.containers[*].image} \
              {.items[*].spec.initContainers[*].image}' | tr ' ' '\\n' | grep -E \
              'gcr.io/istio-release|registry.istio.io'`.",
        fix: "`--set hub=docker.io/istio` (istioctl) or `global.hub` (helm) for the new revision, so that what \
              moves to it pulls from there: charts of 1.30 and 1.31 have registry.istio.io where no hub is named; the old one needs it as long as a rollback is meant to work.",
        sources: &["https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut found: BTreeMap<ObjectRef, BTreeSet<&str>> = BTreeMap::new();
    for pod in context.objects().pods.iter().filter(|pod| !pod.is_finished()) {
        let images = pod.spec.all_containers().map(|container| container.image.as_str());
        let ending: Vec<&str> =
            images.filter(|image| ENDING.iter().any(|registry| image.starts_with(registry))).collect();
        if ending.is_empty() {
            continue;
        }
        let Some(facts) = context.mesh.pods.get(&pod.object_ref()) else { continue };
        let subject = match &facts.revision {
            Some(revision) => ObjectRef::cluster("Revision", revision.as_str()),
            None => facts.workload.clone(),
        };
        found.entry(subject).or_default().extend(ending);
    }
    found
        .into_iter()
        .map(|(subject, images)| {
            let first = images.first().copied().unwrap_or_default();
            let hit = Hit::new(&subject, format!("new pods need {first} from there"));
            images.into_iter().fold(hit, |hit, image| hit.because(image))
        })
        .collect()
}
