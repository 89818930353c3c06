//! ML4192: DNS servers that a sidecar asks in any order.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::DnsPolicy;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Variable of a proxy that asks all servers at once.
const PARALLEL: &str = "DNS_FORWARD_PARALLEL";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4192",
        layer: Layer::Sidecars,
        versions: Versions::Since(25),
        title: "Its sidecar asks its DNS servers in any order",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "leave one DNS server in the pod's dnsConfig, or see that each of them knows all names",
        why: "A sidecar that answers its pod's DNS passes on names that it does not know. Until 1.24 it asked the servers of the \
              pod's resolv.conf one after the other, and a later one where an earlier one did not answer. From 1.25 on it \
              begins with any of them, and takes its answer, NXDOMAIN too: where only the first one knows names of the \
              cluster or of a company, a part of the lookups fails. The twin resolves no names: a rehearsal does not show it.",
        see: "`kubectl get pod NAME -n NAMESPACE -o yaml | grep -A4 -E 'dnsPolicy|nameservers'`; `kubectl exec NAME \
              -n NAMESPACE -- cat /etc/resolv.conf`: several lines with nameserver.",
        fix: "One server that forwards each domain to whoever knows it (a stub domain of CoreDNS), for instance dnsPolicy \
              ClusterFirst without dnsConfig.nameservers. Or annotation `proxy.istio.io/config: 'proxyMetadata: \
              {ISTIO_META_DNS_CAPTURE: \"false\"}'` on the pod template: then the app asks the servers itself.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/pkg/dns/client/dns.go",
            "https://github.com/istio/istio/blob/1.25.0/pkg/dns/client/dns.go",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit<'a>(context: &Context<'a>, workload: &'a Workload) -> Option<Hit> {
    let spec = &workload.template.spec;
    let own = &spec.dns_config.as_ref().filter(|config| !config.nameservers.is_empty())?.nameservers;
    let (first, several) = match spec.dns_policy {
        DnsPolicy::Cluster => ("the cluster's", true),
        DnsPolicy::Node => ("its node's", true),
        DnsPolicy::Own => ("", own.len() > 1),
    };
    // Whose proxy takes the first answer of all servers does not go by their order.
    let asks_all = context.proxy_env(workload, PARALLEL) == Some("true");
    if !several || !context.captures_dns(workload) || asks_all {
        return None;
    }
    let first = Some(first).filter(|first| !first.is_empty()).into_iter();
    let servers: Vec<&str> = first.chain(own.iter().map(String::as_str)).collect();
    let hit = Hit::new(&workload.workload, format!("any of {} answers from now on", servers.join(", ")));
    Some(hit.because(format!("dnsConfig.nameservers: {}", own.join(", "))))
}
