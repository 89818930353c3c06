//! ML6007: a GitOps controller that replaces both agents of the nodes at once.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::DaemonSet;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Annotation by which Argo CD waits for what comes before.
const WAVE: &str = "argocd.argoproj.io/sync-wave";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6007",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "A GitOps controller replaces istio-cni and ztunnel at once",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "give istiod, istio-cni and ztunnel an order, or suspend the controller for them while the run goes on",
        why: "New pods need istio-cni and ztunnel on their node, and each of them needs the other. The order is istiod, then \
              istio-cni, then ztunnel, each Ready before the next one. Where one synchronisation writes both DaemonSets, they \
              roll at the same time: pods that start then were reported to fail with `no ztunnel connection`. And what a run \
              writes on them may be taken back. The twin knows no GitOps controllers: a rehearsal does not show it.",
        see: "`kubectl get ds -n istio-system istio-cni-node ztunnel -o yaml`: labels or annotations of argocd.argoproj.io, \
              kustomize.toolkit.fluxcd.io or helm.toolkit.fluxcd.io.",
        fix: "Argo CD: `argocd.argoproj.io/sync-wave` on the DaemonSets, ztunnel's higher than istio-cni's, or an Application \
              for each chart. Flux: a HelmRelease for each chart, with `dependsOn`. Then write the new versions to Git one \
              after the other.",
        sources: &[
            "https://github.com/istio/istio/issues/53843",
            "https://istio.io/latest/docs/ambient/upgrade/helm/",
            "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ambient = &context.mesh.ambient;
    ambient.ztunnels.iter().filter_map(|ztunnel| hit(context, ztunnel)).collect()
}

fn hit(context: &Context<'_>, name: &ObjectRef) -> Option<Hit> {
    let ztunnel = context.object::<DaemonSet>(name)?;
    let owner = applied_by(ztunnel)?;
    let of_it = |cni: &&DaemonSet| applied_by(cni).as_ref() == Some(&owner) && wave(cni) >= wave(ztunnel);
    let cni = context.cni_agents().find(of_it)?;
    let ambient = &context.mesh.ambient;
    let versions = [&ambient.cni_version, &ambient.ztunnel_version];
    if context.target.is_some() && versions.iter().all(|version| version.as_ref() == context.target) {
        return None;
    }
    let path = cni.metadata.path();
    let detail = if wave(cni) > wave(ztunnel) {
        format!("{owner} writes it before {path}")
    } else {
        format!("{owner} writes it and {path} in one go")
    };
    Some(
        Hit::new(name, detail)
            .because(format!("both belong to {owner}, and no wave has istio-cni come first")),
    )
}

/// Who applies it, without the object's own name (Argo CD: `APPLICATION:GROUP/KIND:NAMESPACE/NAME`).
fn applied_by(agent: &DaemonSet) -> Option<String> {
    let owner = agent.metadata.gitops()?;
    Some(owner.split_once(':').map_or(owner.as_str(), |(application, _)| application).to_owned())
}

fn wave(agent: &DaemonSet) -> i64 {
    agent.metadata.annotation(WAVE).and_then(|wave| wave.parse().ok()).unwrap_or(0)
}
