//! ML3002: a gateway drains for less than its load balancer needs.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::traffic::GapCause;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3002",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway exits before its load balancer stops sending",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "raise terminationDrainDuration, drainDuration and the grace period above the load balancer's deregistration delay",
        why: "A gateway's proxy exits terminationDrainDuration after SIGTERM, 5 s by default, and closes its \
              listeners drainDuration after it, 45 s by default, however long it lives. Load balancers need their \
              health checks or a deregistration delay, often minutes, until they send no more: what they send \
              meanwhile is refused.",
        see: "`kubectl get deploy NAME -n NAMESPACE -o yaml`: `terminationDrainDuration` and `drainDuration` in \
              `proxy.istio.io/config`, a preStop sleep, terminationGracePeriodSeconds (30 by default).",
        fix: "Set annotation `proxy.istio.io/config: '{terminationDrainDuration: 300s, drainDuration: 300s}'` on the \
              pod template, with a grace period above both. Even with a longer terminationDrainDuration it closes \
              its listeners after drainDuration (45 s by default): raise both. With EXIT_ON_ZERO_ACTIVE_CONNECTIONS \
              it is MINIMUM_DRAIN_DURATION (5 s by default) in place of terminationDrainDuration: a gateway of low \
              traffic exits at the first moment without a connection after it. This restarts the gateway once.",
        sources: &[
            "https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig",
            "https://github.com/istio/istio/blob/1.30.3/pkg/envoy/agent.go",
            "https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--drain_listeners",
        ],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let why = context.judged.get(&workload.workload)?.causes.get(&GapCause::LoadBalancer)?;
    context
        .is_outside_gateway(workload)
        .then(|| Hit::new(&workload.workload, why.as_str()).because(why.as_str()))
}
