//! ML4116: DNS that annotations leave out.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Ports that are left out.
const PORTS: &str = "traffic.sidecar.istio.io/excludeOutboundPorts";
/// Addresses that are left out.
const RANGES: &str = "traffic.sidecar.istio.io/excludeOutboundIPRanges";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4116",
        layer: Layer::Sidecars,
        versions: Versions::Since(23),
        title: "Its DNS goes past the sidecar after a restart",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "take port 53 or the range of the DNS server out of the annotation",
        why: "Until 1.22 a sidecar that captures DNS did so whatever the pod excluded. From 1.23 on \
              `excludeOutboundPorts` and `excludeOutboundIPRanges` count for DNS too: names of ServiceEntries no \
              longer resolve, and headless Services resolve past the mesh.",
        see: "`kubectl get pods -A -o yaml | grep -E \"traffic.sidecar.istio.io/excludeOutbound(Ports|IPRanges)\"`.",
        fix: "Leave DNS out of the exclusion, or accept that the pod asks the cluster's DNS.",
        sources: &["https://istio.io/latest/news/releases/1.25.x/announcing-1.25/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let of = |key: &str| workload.template.metadata.annotation(key);
    let port = of(PORTS).filter(|ports| ports.split(',').any(|port| port.trim() == "53"));
    let range = of(RANGES).filter(|ranges| !ranges.trim().is_empty());
    let (key, value) = port.map(|ports| (PORTS, ports)).or(range.map(|ranges| (RANGES, ranges)))?;
    context.captures_dns(workload).then(|| {
        Hit::new(&workload.workload, format!("{key}={value} takes DNS past its sidecar"))
            .because(format!("{} template {key}={value}", workload.workload))
    })
}
