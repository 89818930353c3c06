//! ML4153: Gateways that verify their clients, which nobody read.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, is_istios};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4153",
        layer: Layer::Gateways,
        versions: Versions::Since(28),
        title: "A Gateway begins to demand certificates of its clients",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "see that every client has a certificate, or take spec.tls.frontend away until it does",
        why: "Until 1.27 istiod ignores `spec.tls.frontend` of Gateways. From 1.28 on listeners that end TLS demand a \
              certificate of one of its caCertificateRefs, and clients without one cannot connect any more. Until 1.30 that \
              is so with mode AllowInsecureFallback too.",
        see: concat!(
            objects_where!(
                "gateway.gateway.networking.k8s.io",
                "[.spec.tls.frontend? | .. | objects | .caCertificateRefs] | any"
            ),
            "."
        ),
        fix: "Take spec.tls.frontend away before the gateway has the configuration of the new istiod, and give it back when the \
              clients are known to have certificates. Where they have them today, there is nothing to do.",
        sources: &[
            "https://github.com/istio/istio/blob/1.27.9/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.28.0/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let gateways = context.objects().gateways.iter();
    let gateways = gateways.filter(|one| is_istios(context, one) && verifies(one));
    gateways
        .map(|gateway| Hit::new(&gateway.object_ref(), "its spec.tls.frontend is ignored today"))
        .collect()
}

fn verifies(gateway: &Gateway) -> bool {
    let frontend = &gateway.spec.tls.frontend;
    let mut all = frontend.per_port.iter().map(|port| &port.tls).chain([&frontend.default]);
    all.any(|one| !one.validation.ca_certificate_refs.is_empty())
}
