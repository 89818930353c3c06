//! ML4193: what a newer nft writes, and an older one on the node cannot read.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DaemonSet, Resource};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, NATIVE_NFTABLES, WORKLOADS};

/// Setting of istio-cni.
const AMBIENT: &str = "AMBIENT_ENABLED";
/// End of the tags of images that bring an nft of their own choice.
const DISTROLESS: &str = "-distroless";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4193",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 31),
        title: "istio-cni writes nftables that an older nft on the node cannot read",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that nft of every node's system, and in pods that use its network, is 1.1.2 or newer or patched",
        why: "With global.nativeNftables, istio-cni of an ambient mesh keeps sets in the node's own network namespace. Images of \
              1.28.3 to 1.30 hold nft 1.1.1. That pin is gone in 1.31 (distroless images): a newer nft stores data beside each \
              set, and an older one that lists them crashes: on the node, or in kube-proxy or another network agent, which \
              then ceases to update its rules. Distributions have patched theirs; whether a node has the patch is not \
              recorded. The twin knows no nodes' tools: a rehearsal does not show it.",
        see: "On a node, `nft --version` and `nft -j list ruleset >/dev/null; echo $?`: 139 is the crash. `kubectl get cm -n \
              istio-system istio-cni-config -o yaml | grep NATIVE_NFTABLES`; `kubectl get ds -n istio-system istio-cni-node -o \
              yaml | grep image:`.",
        fix: "Update the nodes' nftables package (and the images of agents that bring their own) first; move istio-cni on one \
              node pool, and look there before the others.",
        sources: &[
            "https://github.com/istio/istio/issues/58492",
            "https://github.com/istio/istio/blob/1.30.3/docker/iptables.yaml",
            "https://github.com/istio/istio/blob/1.31.0-rc.0/docker/iptables.yaml",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_on = |key| context.agent_setting(key) == Some("true");
    if !is_on(NATIVE_NFTABLES) || !is_on(AMBIENT) {
        return Vec::new();
    }
    context.cni_agents().filter_map(hit).collect()
}

fn hit(agent: &DaemonSet) -> Option<Hit> {
    let mut images = agent.spec.template.spec.containers.iter().map(|container| container.image.as_str());
    let image = images.find(|image| image.ends_with(DISTROLESS))?;
    let hit = Hit::new(&agent.object_ref(), "its images bring a newer nft than 1.1.1 from 1.31 on");
    Some(hit.because(format!("{NATIVE_NFTABLES}: true")).because(format!("image {image}")))
}
