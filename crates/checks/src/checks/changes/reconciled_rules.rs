//! ML4130: rules in pods that istio-cni writes anew.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4130",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 29),
        title: "istio-cni writes the rules of running pods anew when it starts",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade istio-cni node by node, and watch the pods of each node",
        why: "From 1.29 on an istio-cni that starts compares the iptables or nftables rules of every ambient pod \
              on its node with its own, and writes them anew where they differ. Until then running pods stayed as \
              they were.",
        see: "`kubectl get configmap -A --field-selector metadata.name=istio-cni-config -o yaml | grep \
              AMBIENT_RECONCILE_POD_RULES_ON_STARTUP`.",
        fix: "Nothing to do as a rule. `ambient.reconcileIptablesOnStartup=false` for istio-cni leaves running \
              pods alone.",
        sources: &["https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let agents = context.agents_where("AMBIENT_RECONCILE_POD_RULES_ON_STARTUP", false);
    let words = |pods| format!("{pods} pods are in the mesh, and it leaves their rules alone today");
    agents.map(|(agent, pods)| Hit::new(agent, words(pods))).collect()
}
