//! ML4113: ambient pods whose DNS the new ztunnel expects to be set up anew.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4113",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Ztunnel, 24),
        title: "Ambient pods lose DNS unless they are restarted between istio-cni and ztunnel",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "upgrade istio-cni, restart the ambient workloads, then upgrade ztunnel",
        why: "With DNS capture, a ztunnel of 1.24 or later answers DNS where an istio-cni of 1.24 or later sends \
              it. Pods that an older istio-cni set up send it elsewhere: all their names fail to resolve from the \
              moment that ztunnel is new. \
              The twin knows no DNS, so a rehearsal does not show it.",
        see: "`kubectl get configmap -A --field-selector metadata.name=istio-cni-config -o yaml | grep \
              AMBIENT_DNS_CAPTURE`.",
        fix: "Keep the order: istio-cni, then a restart of every ambient workload, then ztunnel. Pods that were \
              missed are healed by a restart.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let agents = context.agents_where("AMBIENT_DNS_CAPTURE", true);
    agents
        .map(|(agent, pods)| {
            Hit::new(agent, format!("{pods} pods are in the mesh, and their DNS is captured"))
                .because("ConfigMap istio-cni-config AMBIENT_DNS_CAPTURE=true")
        })
        .collect()
}
