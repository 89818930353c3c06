//! ML4189: upgrades to HTTP/2 that ports without a protocol lose.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource, ServicePort};

use super::super::subset::service_of;
use super::breaker_metrics::policies;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Start of the names of ports that tell their protocol (istio: `protocol.Parse`).
const NAMED: [&str; 11] =
    ["grpc", "http", "http2", "http_proxy", "https", "mongo", "mysql", "redis", "tcp", "tls", "udp"];
/// What appProtocol says in Kubernetes' own words.
const OF_KUBERNETES: [&str; 3] = ["kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"];
/// Ports that are TCP whatever their name is: those where the server speaks first (istio: `kube.ConvertProtocol`).
const SERVER_FIRST: [i32; 4] = [25, 53, 3306, 27017];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4189",
        layer: Layer::Configuration,
        versions: Versions::Since(28),
        title: "h2UpgradePolicy ceases to count for a port whose protocol is not named",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "name the port http-… (or set appProtocol: http), or http2-… where the app speaks nothing else",
        why: "A DestinationRule upgrades connections to HTTP/2 (h2UpgradePolicy: UPGRADE), and its Service has ports whose \
              protocol neither name nor appProtocol tells. Until 1.27 all requests went to them by HTTP/2. From 1.28 on \
              sidecars send them as the client did (gateways upgrade as before): an app that speaks HTTP/2 alone answers those \
              of HTTP/1.1 with errors, and the others get a connection for each request that runs.",
        see: "`kubectl get destinationrule -A -o yaml | grep -n h2UpgradePolicy`; `kubectl get svc NAME -n NAMESPACE \
              -o yaml`: name and appProtocol of its ports; in a proxy of the new version, `istioctl proxy-config \
              cluster POD.NAMESPACE --fqdn HOST -o json | grep -E 'useDownstreamProtocolConfig|explicitHttpConfig'`.",
        fix: "Name the port before the control plane moves: with http-… the rule upgrades in all versions, with http2-… or \
              grpc-… it needs no rule. The name is no part of the pods: nothing restarts. Whatever names the port (an \
              Ingress, a ServiceMonitor) must follow; appProtocol spares that.",
        sources: &[
            "https://github.com/istio/istio/blob/1.27.9/pilot/pkg/networking/core/cluster_builder.go",
            "https://github.com/istio/istio/blob/1.28.0/pilot/pkg/networking/core/cluster_builder.go",
        ],
    },
    needs: &[WORKLOADS, SERVICES, &["destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().destination_rules.iter().filter_map(|rule| hit(context, rule)).collect()
}

fn hit(context: &Context<'_>, rule: &DestinationRule) -> Option<Hit> {
    let mut pools = policies(rule).filter_map(|policy| policy.connection_pool.as_ref());
    if !pools.any(|pool| pool.http.h2_upgrade_policy == "UPGRADE" && !pool.http.use_client_protocol) {
        return None;
    }
    let service = service_of(context, &rule.spec.host, &rule.metadata.namespace)?;
    let unnamed: Vec<String> =
        service.spec.ports.iter().filter(|port| !is_named(port)).map(|port| port.port.to_string()).collect();
    let service = service.object_ref();
    (!unnamed.is_empty()).then(|| {
        let ports = unnamed.join(", ");
        Hit::new(
            &rule.object_ref(),
            format!("requests to {service} at {ports} go as the client sends them from now on"),
        )
        .because(format!("the protocol of {service} port {ports} is not named"))
    })
}

/// True if Istio knows the protocol of a port.
fn is_named(port: &ServicePort) -> bool {
    let word = port.app_protocol.as_deref().unwrap_or(&port.name);
    let start = word.split('-').next().unwrap_or_default().to_ascii_lowercase();
    OF_KUBERNETES.contains(&word)
        || NAMED.contains(&start.as_str())
        || port.protocol == "UDP"
        || SERVER_FIRST.contains(&port.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_tells_its_protocol_by_app_protocol_or_else_by_name() {
        let port = |name: &str, app: Option<&str>, port: i32| ServicePort {
            name: name.into(),
            port,
            app_protocol: app.map(str::to_owned),
            ..ServicePort::default()
        };
        for named in [
            port("http-web", None, 80),
            port("GRPC", None, 80),
            port("web", Some("kubernetes.io/h2c"), 80),
            port("", None, 3306),
        ] {
            assert!(is_named(&named), "{named:?}");
        }
        for unnamed in
            [port("", None, 80), port("web-http", None, 80), port("http", Some("corp.com/own"), 80)]
        {
            assert!(!is_named(&unnamed), "{unnamed:?}");
        }
    }
}
