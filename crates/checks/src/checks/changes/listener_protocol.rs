//! ML4146: listeners for TLS and TCP, which istiod refuses for some versions.

use meshlift_model::defaults::NETWORK_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, Listener, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, alpha_is_read, controller, reads_alpha};

/// Protocols, and the first minor version that serves them again without the variable.
const AGAIN: [(&str, u32); 2] = [("TLS", 30), ("TCP", 31)];
/// Controller whose Gateways have such listeners.
const CONTROLLER: &str = "istio.io/gateway-controller";
/// Port at which Gateways take connections of other networks, and the label that names another one (istio:
/// IsAutoPassthrough, pilot/pkg/serviceregistry/kube/conversion.go).
const PORT: (i32, &str) = (15443, "networking.istio.io/gatewayPort");
/// Option of a listener that does so under any port.
const AUTO: (&str, &str) = ("gateway.istio.io/listener-protocol", "auto-passthrough");

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
              the port closes as soon as the gateway has the configuration of such an istiod. Where the variable is \
              off today, that hits gateways between clusters, which listen for TLS on 15443; where it is on, all such \
              listeners of a new istiod without it. No upgrade note says so, only a change note that alpha types are \
              off.",
        see: concat!(
            objects_where!(
                "gateway.gateway.networking.k8s.io",
                "any(.spec.listeners[]; .protocol == \"TLS\" or .protocol == \"TCP\")"
            ),
            "; after the change such a listener says UnsupportedProtocol."
        ),
        fix: "Set env PILOT_ENABLE_ALPHA_GATEWAY_API=true on the new istiod. It then reads TLSRoutes, TCPRoutes and \
              other alpha types too: see that there are none which nobody meant (ML4147).",
        sources: &[
            "https://github.com/istio/istio/blob/1.25.0/releasenotes/notes/drop-gateway-alpha.yaml",
            "https://github.com/istio/istio/blob/1.24.6/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.25.5/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    let mut targets = context.targets().peekable();
    let is_there = targets.peek().is_some();
    if is_there && targets.all(|revision| reads_alpha(context, revision)) {
        return Vec::new();
    }
    let is_read = alpha_is_read(context);
    // What the new istiod will be told is not known yet: most likely what the old one is told.
    if is_read && !is_there {
        return Vec::new();
    }
    let refused: Vec<&str> =
        AGAIN.iter().filter(|(_, again)| target.minor < *again).map(|(protocol, _)| *protocol).collect();
    let gateways = context.objects().gateways.iter();
    let gateways = gateways.filter(|gateway| controller(context, gateway) == CONTROLLER);
    gateways
        .filter_map(|gateway| {
            // Without routes of connections, which are not read then, only these have something to serve.
            let is_served = |one: &&Listener| is_read || takes_other_networks(gateway, one);
            let listeners = gateway.spec.listeners.iter();
            let closing = listeners.filter(|one| refused.contains(&one.protocol.as_str())).filter(is_served);
            hit(gateway, closing)
        })
        .collect()
}

fn takes_other_networks(gateway: &Gateway, listener: &Listener) -> bool {
    let options = listener.tls.as_ref().map(|tls| &tls.options);
    let by_option = options.is_some_and(|options| options.get(AUTO.0).is_some_and(|value| *value == AUTO.1));
    let port = gateway.metadata.label(PORT.1).map_or(Some(PORT.0), |port| port.parse().ok());
    by_option || gateway.metadata.label(NETWORK_LABEL).is_some() && port == Some(listener.port)
}

fn hit<'a>(gateway: &Gateway, listeners: impl Iterator<Item = &'a Listener>) -> Option<Hit> {
    let words: Vec<String> =
        listeners.map(|one| format!("{} ({} {})", one.name, one.protocol, one.port)).collect();
    let hit = || Hit::new(&gateway.object_ref(), format!("these listeners close: {}", words.join(", ")));
    (!words.is_empty()).then(hit)
}
