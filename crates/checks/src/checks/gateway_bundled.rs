//! ML3009: a gateway that belongs to the install of the control plane.

use meshlift_model::defaults::{COMPONENT_LABEL, ISTIOCTL_LABEL, REV_LABEL};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Deployment, Resource};
use meshlift_model::names::RevisionName;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Components that are gateways.
const GATEWAYS: [&str; 2] = ["IngressGateways", "EgressGateways"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3009",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway is part of the control plane's install",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "install the new revision without ingressGateways and egressGateways; give it a named install of its own, or the gateway chart",
        why: "istioctl renders it under the same name whatever --revision says, and profile `default` has one. So \
              `istioctl install --revision NEW` meant as a canary rolls the only gateway at once, to the new \
              version. And `istioctl uninstall --revision OLD` deletes every gateway that still carries \
              istio.io/rev=OLD, Service and address with it. meshlift itself installs and removes istiods alone.",
        see: "`kubectl get deploy -A -l 'operator.istio.io/component in (IngressGateways,EgressGateways)' -L \
              istio.io/rev,operator.istio.io/managed`.",
        fix: "New revision: `profile: minimal`, or `enabled: false` for each entry of ingressGateways and \
              egressGateways. Gateway: an IstioOperator file of its own with `profile: empty`, a \
              `metadata.name` that no other install has (without one, istioctl prunes the istiod of the same \
              revision), the same entry and values, installed with the revision that it carries now; or better, a \
              canary gateway of the gateway chart beside it. Before an old revision is uninstalled, the column istio.io/rev of the command above \
              must not name it.",
        sources: &[
            "https://istio.io/latest/docs/setup/upgrade/canary/",
            "https://istio.io/latest/docs/setup/upgrade/gateways/",
            "https://github.com/istio/istio/blob/1.30.3/operator/pkg/install/install.go",
            "https://github.com/istio/istio/issues/33822",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().deployments.iter().filter_map(|deployment| hit(context, deployment)).collect()
}

fn hit(context: &Context<'_>, deployment: &Deployment) -> Option<Hit> {
    let metadata = &deployment.metadata;
    let component = metadata.label(COMPONENT_LABEL).filter(|component| GATEWAYS.contains(component))?;
    // Rendered by helm, the same charts leave it off.
    if metadata.label(ISTIOCTL_LABEL.0) != Some(ISTIOCTL_LABEL.1) {
        return None;
    }
    let owner = metadata.label(REV_LABEL).map(RevisionName::new);
    if owner.as_ref().is_some_and(|owner| context.is_target(owner)) {
        return None;
    }
    let owner = owner.map_or_else(|| "no revision".to_owned(), |owner| format!("revision {owner}"));
    let words = format!("istioctl installed it with {owner}, as one of its {component}");
    let evidence = format!("{COMPONENT_LABEL}={component}, {}={}", ISTIOCTL_LABEL.0, ISTIOCTL_LABEL.1);
    Some(Hit::new(&deployment.object_ref(), words).because(evidence))
}
