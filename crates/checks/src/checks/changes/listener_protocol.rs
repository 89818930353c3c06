//! ML4146: listeners for TLS and TCP, which istiod refuses for some versions.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, Resource};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, all_read_alpha, controller};

/// Protocols, and the first minor version that serves them again without the variable.
const AGAIN: [(&str, u32); 2] = [("TLS", 30), ("TCP", 31)];
/// Controllers whose Gateways have such listeners: not waypoints, and not those that take connections of other clusters.
const CONTROLLERS: [&str; 2] = ["istio.io/gateway-controller", "istio.io/unmanaged-gateway"];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4146",
        layer: Layer::Gateways,
        versions: Versions::Since(25),
        title: "A Gateway's listener for TLS or TCP is not served any more",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "set PILOT_ENABLE_ALPHA_GATEWAY_API=true on the new istiod",
        why: "Until 1.24 istiod serves listeners of Gateway API Gateways whatever their protocol. From 1.25 on it \
              refuses protocol TLS (until 1.29) and TCP (until 1.30) unless PILOT_ENABLE_ALPHA_GATEWAY_API is true: \
              the port closes as soon as the gateway is told by the new istiod. Gateways between clusters that \
              listen for TLS on 15443 are hit most. No upgrade note says so.",
        see: "`kubectl get gateway.gateway.networking.k8s.io -A -o yaml | grep -n \"protocol: T\"`; after the change the \
              Gateway's listener says UnsupportedProtocol.",
        fix: "Set env PILOT_ENABLE_ALPHA_GATEWAY_API=true on the new istiod. It then reads TLSRoutes and TCPRoutes too: \
              see that there are none which nobody meant.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.25.5/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target.filter(|_| !all_read_alpha(context)) else { return Vec::new() };
    let refused: Vec<&str> =
        AGAIN.iter().filter(|(_, again)| target.minor < *again).map(|(protocol, _)| *protocol).collect();
    let gateways = context.objects().gateways.iter();
    let gateways = gateways.filter(|gateway| CONTROLLERS.contains(&controller(context, gateway)));
    gateways.filter_map(|gateway| hit(gateway, &refused)).collect()
}

fn hit(gateway: &Gateway, refused: &[&str]) -> Option<Hit> {
    let listeners = gateway.spec.listeners.iter().filter(|one| refused.contains(&one.protocol.as_str()));
    let words: Vec<String> =
        listeners.map(|one| format!("{} ({} {})", one.name, one.protocol, one.port)).collect();
    let hit = || Hit::new(&gateway.object_ref(), format!("these listeners close: {}", words.join(", ")));
    (!words.is_empty()).then(hit)
}
