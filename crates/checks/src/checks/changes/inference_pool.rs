//! ML4125: InferencePools of an early version.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Start of the name of both definitions.
const PLURAL: &str = "inferencepools.inference.networking.";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4125",
        layer: Layer::Crds,
        versions: Versions::Since(28),
        title: "InferencePools of an early version are not read any more",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "write InferencePools as v1 of inference.networking.k8s.io before gateways move",
        why: "From 1.28 on istiod reads v1 alone: v1alpha2 and the release candidates are ignored, and routes to \
              such pools end nowhere.",
        see: "`kubectl get crd -o custom-columns='NAME:.metadata.name,VERSIONS:.spec.versions[*].name' | grep \
              inferencepools`.",
        fix: "Install the v1 definition and write each pool anew: v1alpha2's `extensionRef` is \
              `endpointPickerRef`, `targetPortNumber` is `targetPorts[].number`, and labels go under \
              `selector.matchLabels`. Give `endpointPickerRef.port.number`: 9002 is no default any more.",
        sources: &["https://istio.io/latest/news/releases/1.28.x/announcing-1.28/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["customresourcedefinitions.apiextensions.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let definitions = context.objects().crds.iter().filter(|one| one.metadata.name.starts_with(PLURAL));
    let early = definitions.filter(|one| !one.spec.versions.iter().any(|version| version.name == "v1"));
    early
        .map(|one| {
            let versions: Vec<&str> = one.spec.versions.iter().map(|version| version.name.as_str()).collect();
            Hit::new(&one.object_ref(), format!("it has {} alone", versions.join(", ")))
        })
        .collect()
}
