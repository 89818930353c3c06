//! ML4124: gateways that take many connections.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4124",
        layer: Layer::Gateways,
        versions: Versions::Since(26),
        title: "It accepts new connections one by one",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "compare its CPU and its time to connect under load before and after",
        why: "From 1.26 on a proxy accepts one connection for each event of its socket, so that connections spread \
              evenly over its workers. A gateway that takes very many short ones spends more on it.",
        see: "New connections per second of the gateway, by the metrics of its load balancer. Its own counter \
              downstream_cx_total is not among the stats that Istio keeps by default: annotation \
              `proxy.istio.io/config: '{proxyStatsMatcher: {inclusionRegexps: [\".*downstream_cx_total\"]}}'` on its \
              pod template adds it (a restart), then `kubectl exec POD -n NAMESPACE -c istio-proxy -- pilot-agent \
              request GET stats | grep downstream_cx_total`, twice.",
        fix: "Nothing to do as a rule. Env MAX_CONNECTIONS_PER_SOCKET_EVENT_LOOP=0 on the new istiod keeps the \
              former way.",
        sources: &["https://istio.io/latest/news/releases/1.26.x/announcing-1.26/change-notes/"],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let why = "it takes connections from outside of the cluster";
    context.is_outside_gateway(workload).then(|| Hit::new(&workload.workload, why))
}
