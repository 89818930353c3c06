//! ML6005: Cilium, which takes the CNI configuration of a node for itself.

use meshlift_model::defaults::CILIUM;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6005",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "Cilium takes istio-cni out of the nodes' CNI configuration",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "set cni.exclusive=false for Cilium before istio-cni is upgraded",
        why: "With cni-exclusive, Cilium's agent renames the configuration files of other plugins on its node and writes its own \
              anew when it starts. A pod that is made between its write and istio-cni's repair starts outside of the mesh, or \
              not at all. An upgrade of istio-cni replaces it node by node, and each of them meets Cilium there. The twin \
              knows no files of nodes: a rehearsal does not show it.",
        see: "`kubectl get cm -n kube-system cilium-config -o jsonpath='{.data.cni-exclusive}'`; on a node, \
              `ls /etc/cni/net.d`: files named *.cilium_bak.",
        fix: "`helm upgrade cilium cilium/cilium -n kube-system --version RUNNING --reuse-values --set \
              cni.exclusive=false`, then `kubectl rollout restart ds/cilium -n kube-system`, before the upgrade of \
              istio-cni. RUNNING is the chart's version that `helm list -n kube-system` names: without `--version` \
              helm upgrades Cilium too.",
        sources: &[
            "https://docs.cilium.io/en/stable/network/servicemesh/istio/",
            "https://istio.io/latest/docs/ambient/install/platform-prerequisites/#cilium",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if context.mesh.ambient.cni.is_empty() {
        return Vec::new();
    }
    let maps = context.objects().config_maps.iter().filter(|map| map.metadata.name == CILIUM.0);
    let hits = maps.filter_map(|map| match map.data.get(CILIUM.1) {
        Some(value) => (value == "true").then(|| {
            Hit::new(&map.object_ref(), "it keeps other plugins away, and istio-cni is one of them")
                .because(format!("{}: {value}", CILIUM.1))
        }),
        None => Some(
            Hit::new(&map.object_ref(), format!("{} was not recorded", CILIUM.1))
                .severity(Severity::Info)
                .hint("record the mesh anew, or look for it by hand")
                .offers(&["accept-unknown"])
                .unknown(),
        ),
    });
    hits.collect()
}
