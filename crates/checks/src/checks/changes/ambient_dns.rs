//! ML4120: DNS of ambient pods that is captured from one version on.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4120",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 25),
        title: "DNS of ambient pods is captured from now on, of new pods first",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "restart ambient workloads after istio-cni, or keep DNS capture off",
        why: "From 1.25 on istio-cni sends the DNS of ambient pods to ztunnel. Pods that start after its upgrade \
              get it, pods that run do not: pods of one workload resolve names in two ways until all are \
              restarted.",
        see: "`kubectl get configmap -A --field-selector metadata.name=istio-cni-config -o yaml | grep \
              AMBIENT_DNS_CAPTURE`.",
        fix: "Restart them wave by wave, or set `ambient.dnsCapture=false` for istio-cni; a single pod stays out \
              by annotation `ambient.istio.io/dns-capture: \"false\"`.",
        sources: &["https://istio.io/latest/news/releases/1.25.x/announcing-1.25/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let agents = context.agents_where("AMBIENT_DNS_CAPTURE", false);
    agents
        .map(|(agent, pods)| Hit::new(agent, format!("{pods} pods are in the mesh without DNS capture")))
        .collect()
}
