//! ML6006: a setting of istio-cni that begins to apply to pods of ambient.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, NATIVE_NFTABLES, WORKLOADS};

/// Versions that leave a node as it is until it is rebooted.
const KEEP: Versions = Versions::SincePatches(&[(28, 2)]);

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6006",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 28),
        title: "istio-cni would write nftables rules beside the iptables rules of running pods",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "go to 1.28.2 or later, or set global.nativeNftables=false for istio-cni until nodes can be rebooted",
        why: "global.nativeNftables counts for sidecars alone in 1.27: pods of ambient and their nodes have iptables rules \
              there. From 1.28.0 on it counts for ambient too. 1.28.0 and 1.28.1 write nftables rules and leave the former \
              ones, on nodes until they are rebooted and in pods until they are made anew. Pods whose connections were \
              refused from then on were reported. From 1.28.2 on istio-cni finds the former rules and stays with iptables until the \
              node is rebooted. The twin knows no rules of nodes: a rehearsal does not show it.",
        see: "`kubectl get configmap -A --field-selector metadata.name=istio-cni-config -o yaml | grep NATIVE_NFTABLES`.",
        fix: "Take 1.28.2 or later as the target. Afterwards drain and reboot one node after the other: each changes to nftables then.",
        sources: &[
            "https://github.com/istio/istio/pull/58354",
            "https://github.com/istio/istio/issues/58523",
            "https://github.com/istio/istio/blob/1.27.9/cni/pkg/cmd/root.go",
            "https://github.com/istio/istio/blob/1.28.2/cni/pkg/nodeagent/server_linux.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if context.target.is_none_or(|target| KEEP.has(target)) {
        return Vec::new();
    }
    let words = |pods| format!("{pods} pods are in the mesh, with iptables rules");
    let agents = context.agents_where(NATIVE_NFTABLES, true);
    agents
        .map(|(agent, pods)| Hit::new(agent, words(pods)).because(format!("{NATIVE_NFTABLES}: true")))
        .collect()
}
