//! ML4158: the mesh's lowest version of TLS, which gateways begin to demand.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Value that leaves the choice to the proxy.
const AUTO: &str = "TLS_AUTO";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4158",
        layer: Layer::Gateways,
        versions: Versions::SincePatches(&[(27, 6), (28, 4), (29, 1), (30, 0)]),
        title: "Gateways begin to demand the mesh's lowest version of TLS",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "see which versions of TLS the clients of the gateways speak, or set minProtocolVersion on their servers",
        why: "Until 1.27.5, 1.28.3 and 1.29.0 gateways took `tlsDefaults.minProtocolVersion` of the mesh config for \
              another version: TLSV1_2 let clients with TLS 1.0 in, TLSV1_3 those with 1.1. From the next patches on it \
              means what it says: with TLSV1_3 every client with TLS 1.2 is refused, with TLSV1_2 those with 1.0 and 1.1.",
        see: "`kubectl get cm -n istio-system -l istio.io/rev -o yaml | grep -A4 tlsDefaults`; \
              `%DOWNSTREAM_TLS_VERSION%` in the access log of the gateways says what clients speak.",
        fix: "Where old clients must go on, set tls.minProtocolVersion on the servers of the Gateway that they use: it goes \
              before the mesh's. Where nobody needs them, there is nothing to do.",
        sources: &[
            "https://github.com/istio/istio/pull/58912",
            "https://github.com/istio/istio/blob/1.29.0/pilot/pkg/networking/core/listener.go",
            "https://github.com/istio/istio/blob/1.29.1/pilot/pkg/networking/core/listener.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let maps = context.mesh_configs();
    maps.filter_map(|(map, lines)| {
        // Its keys are in the order of the alphabet: what comes behind it is its own.
        let mut own = lines.skip_while(|line| line.trim_end() != "tlsDefaults:");
        let version = own.find_map(|line| line.strip_prefix("minProtocolVersion:"))?.trim();
        let hit = || {
            Hit::new(&map.object_ref(), format!("its tlsDefaults.minProtocolVersion is {version}"))
                .because(format!("{} mesh tlsDefaults.minProtocolVersion={version}", map.object_ref()))
        };
        (version != AUTO).then(hit)
    })
    .collect()
}
