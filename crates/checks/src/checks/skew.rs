//! ML5008: the target is out of reach of what runs.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5008",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "The target is too far from what runs",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: false,
        hint: "go by the versions that `meshlift versions --to VERSION` names",
        why: "A new revision may be two minor versions ahead of the one whose proxies it takes over, as each proxy is served \
              by its own istiod. istio-cni and ztunnel on the nodes are served by both: they may be one minor version behind \
              a control plane, never ahead of it. Between versions that are further apart nobody has tested what proxies \
              are sent, and an older control plane sends newer proxies what they may not understand.",
        see: "`istioctl version`; `kubectl get daemonset -A -o wide`: the images of istio-cni-node and ztunnel.",
        fix: "For each version in between: control plane, istio-cni, ztunnel, then gateways, waypoints and all workloads with a \
              sidecar. `istioctl proxy-status` shows no older VERSION when the next one may come.",
        sources: &[
            "https://istio.io/latest/docs/setup/upgrade/canary/#before-you-upgrade",
            "https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew",
            "https://istio.io/latest/docs/ambient/upgrade/helm/",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    // A revision that nothing uses holds nobody back.
    context
        .mesh
        .used_revisions()
        .filter_map(|revision| {
            let version = revision.version.as_ref()?;
            let why = version.too_far_to_jump(target)?;
            let subject = ObjectRef::cluster("Revision", revision.name.as_str());
            Some(Hit::new(
                &subject,
                format!("{} pods run {version}, the target is {target}: {why}", revision.pods),
            ))
        })
        .chain(agents(context, target))
        .collect()
}

/// Agents of the nodes that are too far from the target, or ahead of a control plane that is in use.
fn agents<'a>(context: &'a Context<'_>, target: &'a IstioVersion) -> impl Iterator<Item = Hit> + 'a {
    let ambient = &context.mesh.ambient;
    let of = |agents: &'a [ObjectRef], version: &'a Option<IstioVersion>| {
        agents.iter().filter_map(move |agent| Some((agent, version.as_ref()?)))
    };
    let oldest = context.used_versions().min();
    let all = of(&ambient.cni, &ambient.cni_version).chain(of(&ambient.ztunnels, &ambient.ztunnel_version));
    all.filter_map(move |(agent, version)| {
        if let Some(oldest) = oldest.filter(|oldest| version.is_ahead_of(oldest)) {
            return Some(Hit::new(
                agent,
                format!("it runs {version}, ahead of a control plane that runs {oldest}"),
            ));
        }
        let why = version.too_far_from(target)?;
        Some(Hit::new(agent, format!("it runs {version}, the target is {target}: {why}")))
    })
}
