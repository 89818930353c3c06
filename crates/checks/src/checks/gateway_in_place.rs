//! ML3001: an injected gateway is replaced in place.

use meshlift_mesh::facts::{GatewayKind, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3001",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway that takes outside traffic is replaced in place",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &["accept-loss", "failover-elsewhere"],
        may_accept_unknown: true,
        hint: "choose failover-elsewhere if traffic can be taken away from it, else accept-loss",
        why: "An injected gateway changes its version only when its pods are made anew. Load balancers, DNS and \
              nodes in between learn of a terminating pod later than its proxy exits, and no retry covers the \
              way from outside. So this is never without loss, and a person decides when.",
        see: "Its pods select `inject.istio.io/templates: gateway`; a Service of type LoadBalancer or NodePort, \
              or a hostPort, leads to it.",
        fix: "Take traffic away from it (DNS, another cluster), restart it, bring traffic back; or announce the \
              loss and choose a quiet hour.",
        sources: &["https://istio.io/latest/docs/setup/additional-setup/gateway/#in-place-upgrade"],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let subject = &workload.workload;
    let gateway = context.gateway_of(subject)?;
    (gateway.kind == GatewayKind::Injected && gateway.exposed_outside).then(|| {
        let why = context.judged.get(subject).map_or("", |judged| judged.restart.why.as_str());
        let behind: Vec<String> =
            gateway.services.iter().map(|(service, kind)| format!("{service} ({kind})")).collect();
        let way = if behind.is_empty() { "a hostPort".to_owned() } else { behind.join(", ") };
        Hit::new(subject, format!("{way} leads to its {} pods; {why}", gateway.replicas)).because(way)
    })
}
