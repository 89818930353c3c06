//! ML0002: definitions that Helm does not own.

use meshlift_model::defaults::HELM_RELEASE;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Deployment;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0002",
        layer: Layer::Crds,
        versions: Versions::Since(24),
        title: "Helm does not own Istio's definitions",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "label and annotate them for the release once, or go on applying them by kubectl",
        why: "From 1.24 on the base chart holds the definitions as templates. Helm refuses to upgrade a release \
              whose objects exist without its label and annotations (\"invalid ownership metadata\"): the upgrade \
              stops at its first step.",
        see: "`kubectl get crd -L app.kubernetes.io/managed-by | grep istio.io`: the last column is not `Helm`.",
        fix: "For each definition of Istio: `kubectl label crd NAME app.kubernetes.io/managed-by=Helm` and \
              `kubectl annotate crd NAME meta.helm.sh/release-name=istio-base \
              meta.helm.sh/release-namespace=istio-system`, with the names of your release. Or `--set \
              base.enableCRDTemplates=false` and kubectl.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["customresourcedefinitions.apiextensions.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let istiods = context.mesh.revisions.values().filter_map(|revision| revision.deployment.as_ref());
    let mut istiods = istiods.filter_map(|reference| context.object::<Deployment>(reference));
    if !istiods.any(|istiod| istiod.metadata.annotation(HELM_RELEASE).is_some()) {
        return Vec::new();
    }
    let definitions = context.objects().crds.iter().filter(|one| one.spec.group.ends_with(".istio.io"));
    let unowned: Vec<&str> = definitions
        .filter(|one| one.metadata.annotation(HELM_RELEASE).is_none())
        .map(|one| one.metadata.name.as_str())
        .collect();
    if unowned.is_empty() {
        return Vec::new();
    }
    let subject = ObjectRef::cluster("Cluster", "kubernetes");
    let hit = Hit::new(
        &subject,
        format!("{} of Istio's definitions belong to no release, and istiod does", unowned.len()),
    );
    vec![unowned.into_iter().fold(hit, Hit::because)]
}
