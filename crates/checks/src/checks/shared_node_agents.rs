//! ML6003: istio-cni and ztunnel are one per cluster.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::DaemonSet;
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6003",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "A second install would move the node agents",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "leave istio-cni and ztunnel out of the new revision's install; move them node by node",
        why: "istio-cni and ztunnel exist once per cluster, not once per revision. An install of a second \
              revision with the ambient profile replaces them on all nodes, in the middle of everything. And \
              `istioctl uninstall --revision` deletes them while their label istio.io/rev names that revision.",
        see: "`kubectl get ds -n istio-system`; `istioctl manifest generate --set profile=ambient` contains them.",
        fix: "Install the new revision without them: `istioctl install --revision NEW --set \
              components.cni.enabled=false --set components.ztunnel.enabled=false --set \
              values.pilot.cni.enabled=true …` (without the last setting new pods with a sidecar get istio-init \
              again, though istio-cni is there), and upgrade these two in steps of their own. Before `istioctl \
              uninstall --revision OLD`: what it lists with `--dry-run` must not have istio-cni-node or ztunnel in \
              it.",
        sources: &[
            "https://istio.io/latest/docs/ambient/upgrade/helm/",
            "https://github.com/istio/istio/blob/1.30.3/operator/pkg/uninstall/prune.go",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ambient = &context.mesh.ambient;
    let agents = ambient.cni.iter().chain(&ambient.ztunnels);
    agents.filter_map(|reference| hit(context, reference)).collect()
}

fn hit(context: &Context<'_>, reference: &ObjectRef) -> Option<Hit> {
    let agent = context.object::<DaemonSet>(reference)?;
    let image = agent.spec.template.spec.containers.first().map(|container| container.image.as_str())?;
    let version = image.rsplit_once(':').and_then(|(_, tag)| IstioVersion::from_loose(tag));
    if context.target.is_some() && version.as_ref() == context.target {
        return None;
    }
    let runs = version.map_or_else(|| image.to_owned(), |version| version.to_string());
    Some(Hit::new(reference, format!("it runs {runs} on every node, for all revisions")).because(image))
}
