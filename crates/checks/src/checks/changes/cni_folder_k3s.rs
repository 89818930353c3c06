//! ML4176: the folder that an older k3s node reads CNI plugins from.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DaemonSet, Node, Resource};

use super::cni_folder::puts_plugin_into;
use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Where the platform profile put the plugin until 1.24.
const FOLDER: &str = "/var/lib/rancher/k3s/data/current/bin";
/// In the version of every kubelet of k3s.
const K3S: &str = "+k3s";
/// First patch of each minor version of Kubernetes whose k3s looks into the new folder too.
const LOOKS: [(u32, u32); 4] = [(28, 15), (29, 10), (30, 6), (31, 2)];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4176",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 25),
        title: "istio-cni would leave the folder that k3s reads plugins from",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade k3s first, or render istio-cni with cniBinDir=/var/lib/rancher/k3s/data/current/bin",
        why: "With platform k3s, istio-cni puts its plugin into /var/lib/rancher/k3s/data/cni from 1.25 on. k3s looks there \
              from 1.28.15, 1.29.10, 1.30.6 and 1.31.2 on (the last is said in its release notes, the others follow from \
              when the change was carried back). On an older node new pods fail for want of the plugin, which the agent of \
              1.24 takes away when it ends. The twin knows no folders of nodes: a rehearsal does not show it.",
        see: "`kubectl get nodes -o wide`: VERSION; `kubectl get ds -n istio-system istio-cni-node -o yaml | grep -A2 cni-bin-dir`.",
        fix: "Upgrade k3s on all nodes before istio-cni. Until then `--set cniBinDir=/var/lib/rancher/k3s/data/current/bin` \
              keeps the folder (istioctl: `--set values.cni.cniBinDir=…`). One DaemonSet cannot serve old and new nodes.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/manifests/helm-profiles/platform-k3s.yaml",
            "https://github.com/istio/istio/blob/1.25.0/manifests/helm-profiles/platform-k3s.yaml",
            "https://github.com/k3s-io/k3s/releases/tag/v1.31.2%2Bk3s1",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let nodes = context.objects().nodes.iter().filter(|node| looks_there_alone(node));
    let Some(first) = nodes.clone().next() else { return Vec::new() };
    let count = nodes.count();
    let hit = |agent: &DaemonSet| {
        let version = &first.status.node_info.kubelet_version;
        Hit::new(&agent.object_ref(), format!("{count} nodes look for its plugin in {FOLDER} alone"))
            .because(format!("Node/{} kubeletVersion={version}", first.metadata.name))
    };
    context.cni_agents().filter(|agent| puts_plugin_into(agent, FOLDER)).map(hit).collect()
}

fn looks_there_alone(node: &Node) -> bool {
    let version = node.status.node_info.kubelet_version.as_str();
    let Some((version, _)) = version.split_once(K3S) else { return false };
    let mut numbers =
        version.trim_start_matches('v').split('.').skip(1).map(|number| number.parse::<u32>().ok());
    let (Some(Some(minor)), Some(Some(patch))) = (numbers.next(), numbers.next()) else { return false };
    match LOOKS.iter().find(|(line, _)| *line == minor) {
        Some((_, first)) => patch < *first,
        None => LOOKS.iter().all(|(line, _)| minor < *line),
    }
}
