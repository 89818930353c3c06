//! ML4157: ports of metrics for which the target's injector refuses pods.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Ports of the proxy and its agent, without that of the merged metrics (istio: istioReservedPorts,
/// pilot/cmd/pilot-agent/status/server.go).
const RESERVED: [u16; 8] = [15000, 15001, 15004, 15006, 15008, 15021, 15053, 15090];
/// Port at which an agent answers with all metrics: who names it is left alone.
const MERGED: u16 = 15020;
/// Annotation that decides on the merge.
const MERGES: &str = "prometheus.istio.io/merge-metrics";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4157",
        layer: Layer::Sidecars,
        versions: Versions::Since(31),
        title: "The new injector refuses its pods for their port of metrics",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "let prometheus.io/port name a port of the app by its number, or annotate prometheus.istio.io/merge-metrics: \"false\"",
        why: "From 1.31 on the injector looks at prometheus.io/port of a pod whose metrics it merges. A port that is no \
              number from 1 to 65535 (such as the name of a port), or one of the proxy's own (15090 above all), makes \
              injection fail: no new pod of the workload is made, and its rollout stands. The twin's injector does not \
              look at it, so a rehearsal does not show it.",
        see: "`kubectl get deploy,sts,ds -A -o yaml | grep -n \"prometheus.io/port\"`.",
        fix: "Correct the annotation on the pod template before its wave: 15020 is right where the proxy's metrics are \
              meant. Or set annotation prometheus.istio.io/merge-metrics to \"false\": the app's metrics are then \
              scraped at the app. That restarts it once, at the revision that it follows now.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.3/pkg/kube/inject/webhook.go",
            "https://github.com/istio/istio/blob/1.31.0-rc.0/pkg/kube/inject/webhook.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_off = |line: &str| {
        line.split_once(':')
            .is_some_and(|(key, value)| key == "enablePrometheusMerge" && value.trim() == "false")
    };
    if context.mesh_configs().any(|(_, mut lines)| lines.any(is_off)) {
        return Vec::new();
    }
    context.restarted().filter_map(hit).collect()
}

fn hit(workload: &Workload) -> Option<Hit> {
    let annotations = || workload.template.metadata.annotations.iter();
    let mut ports = annotations().filter(|(key, _)| is(key, "prometheus_io_port"));
    let (key, port) = ports.find(|(_, port)| !is_accepted(port))?;
    let mut switches = annotations().filter(|(key, _)| is(key, "prometheus_io_scrape") || *key == MERGES);
    let is_merged = switches.all(|(_, value)| value != "false");
    is_merged.then(|| {
        Hit::new(&workload.workload, format!("{key} is `{port}`, which is no port of an app"))
            .because(format!("{} {key}={port}", workload.workload))
    })
}

/// True for any way to write the annotation: the injector takes `.`, `/` and `-` for `_`.
fn is(key: &str, name: &str) -> bool {
    key.len() == name.len() && key.replace(['.', '/', '-'], "_") == name
}

fn is_accepted(port: &str) -> bool {
    let number = port.parse::<u16>();
    port.is_empty() || number.is_ok_and(|port| port == MERGED || port > 0 && !RESERVED.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_apps_are_accepted() {
        assert!(["", "8080", "15020", "65535"].into_iter().all(is_accepted));
        assert!(!["http-metrics", "15090", "0", "65536", "80 "].into_iter().any(is_accepted));
        assert!(
            is("prometheus.io/port", "prometheus_io_port") && is("prometheus-io-port", "prometheus_io_port")
        );
        assert!(!is("prometheus.io/ports", "prometheus_io_port"));
    }
}
