//! ML4141: the folder that a GKE node reads CNI plugins from.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DaemonSet, Node, Resource};

use super::cni_file::path;
use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Volume of istio-cni with the folder that it puts its plugin into.
const VOLUME: &str = "cni-bin-dir";
/// Where GKE's nodes look for plugins.
const FOLDER: &str = "/home/kubernetes/bin";
/// In the version of every kubelet of GKE.
const GKE: &str = "-gke.";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4141",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 25),
        title: "istio-cni would leave the folder that GKE reads plugins from",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "render istio-cni with cni.cniBinDir=/home/kubernetes/bin (istioctl: values.cni.cniBinDir)",
        why: "Until 1.24 the chart of istio-cni saw by itself that it was on GKE. From 1.25 on it puts the plugin into \
              /opt/cni/bin unless it is told the folder, or the platform where it can ask the cluster. A GKE node does \
              not look there: new pods on it fail for want of the plugin, or are set up by the one of the old version \
              that was left.",
        see: "`helm template istio-cni istio/cni --version TARGET -f VALUES | grep -A2 cni-bin-dir`, or the same of \
              `istioctl manifest generate`: the hostPath must be /home/kubernetes/bin.",
        fix: "`--set cni.cniBinDir=/home/kubernetes/bin` (helm) or `--set values.cni.cniBinDir=/home/kubernetes/bin` \
              (istioctl). `global.platform=gke` is enough for `helm install`, `helm upgrade` and `istioctl install` \
              alone (istioctl of 1.26 and later sets it by itself), not for what is rendered without a cluster. Nothing \
              is to be done where your values have it already.",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/change-notes/",
            "https://github.com/istio/istio/blob/1.25.0/manifests/charts/istio-cni/templates/daemonset.yaml",
            "https://istio.io/latest/docs/ambient/install/platform-prerequisites/#google-kubernetes-engine-gke",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_gke = |node: &Node| node.status.node_info.kubelet_version.contains(GKE);
    let nodes = context.objects().nodes.iter().filter(|node| is_gke(node)).count();
    let agents = context.cni_agents();
    agents
        .filter(|agent| nodes > 0 && puts_plugin_into(agent, FOLDER))
        .map(|agent| {
            Hit::new(&agent.object_ref(), format!("its plugin is in {FOLDER} of {nodes} nodes of GKE"))
                .because(format!("{} volume {VOLUME}: {FOLDER}", agent.object_ref()))
        })
        .collect()
}

/// True if an istio-cni puts its plugin into that folder of its node.
pub(super) fn puts_plugin_into(agent: &DaemonSet, folder: &str) -> bool {
    let mut volumes = agent.spec.template.spec.volumes.iter();
    volumes.any(|volume| volume.name == VOLUME && path(volume) == Some(folder))
}
