//! ML4123: network policies that istio-cni did not notice.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{NetworkPolicy, Resource};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4123",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 26),
        title: "A NetworkPolicy begins to apply to istio-cni",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "let istio-cni reach and be reached as it needs, or keep it on the network of the node",
        why: "From 1.26 on the agents of istio-cni have a network of their own in ambient mode. A NetworkPolicy \
              that selects them, and had no effect while they shared the node's network, begins to apply: an agent \
              that does not reach the API server enrols no pod.",
        see: "`kubectl get networkpolicy -n NAMESPACE -o yaml` in the namespace of istio-cni.",
        fix: "Add a NetworkPolicy for pods with k8s-app=istio-cni-node: `egress: [{ports: [{port: 443}, {port: 6443}]}]` (the API \
              server's ports of your cluster) and `ingress: [{ports: [{port: 8000}, {port: 15014}]}]` (readiness and metrics). Or \
              `--set ambient.shareHostNetworkNamespace=true` for chart cni, which keeps the network of the node.",
        sources: &["https://istio.io/latest/news/releases/1.26.x/announcing-1.26/change-notes/"],
    },
    needs: &[WORKLOADS, &["networkpolicies.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let agents = context.cni_agents();
    let on_the_node = agents.filter(|agent| agent.spec.template.spec.host_network);
    on_the_node
        .flat_map(|agent| {
            let selects = |policy: &&NetworkPolicy| {
                policy.metadata.namespace == agent.metadata.namespace
                    && policy.spec.pod_selector.matches(&agent.spec.template.metadata.labels)
            };
            let policies = context.objects().network_policies.iter().filter(selects);
            policies.map(|policy| {
                Hit::new(&policy.object_ref(), format!("it selects the pods of {}", agent.object_ref()))
                    .because(format!("{} spec.template.spec.hostNetwork=true", agent.object_ref()))
            })
        })
        .collect()
}
