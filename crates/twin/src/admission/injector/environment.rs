//! The proxy's environment.

use meshlift_model::k8s::EnvVar;

use super::template::{Context, variable};

impl Context<'_> {
    /// Environment in the order of the templates; values that the kubelet fills in are empty here.
    pub(super) fn env(&self) -> Vec<EnvVar> {
        let settings = self.settings;
        let from_kubelet = |name: &&str| variable(name, "");
        let address = settings.text("/global/caAddress", &settings.istiod_address());
        let mut env = vec![
            variable("PILOT_CERT_PROVIDER", settings.text("/global/pilotCertProvider", "istiod")),
            variable("CA_ADDR", address),
        ];
        env.extend(
            ["POD_NAME", "POD_NAMESPACE", "INSTANCE_IP", "SERVICE_ACCOUNT", "HOST_IP", "ISTIO_CPU_LIMIT"]
                .iter()
                .map(from_kubelet),
        );
        env.push(variable("PROXY_CONFIG", self.config.to_text()));
        env.push(variable("ISTIO_META_POD_PORTS", self.pod_ports()));
        let apps = variable("ISTIO_META_APP_CONTAINERS", self.app_containers().join(","));
        let limits = ["GOMEMLIMIT", "GOMAXPROCS"];
        if self.is_gateway {
            env.extend(limits.iter().map(from_kubelet));
            env.push(apps);
        } else {
            env.push(apps);
            env.extend(limits.iter().map(from_kubelet));
        }
        let cluster = settings.text("/global/multiCluster/clusterName", "Kubernetes");
        env.push(variable("ISTIO_META_CLUSTER_ID", cluster));
        env.push(variable("ISTIO_META_NODE_NAME", ""));
        env.push(variable("ISTIO_META_INTERCEPTION_MODE", self.interception_mode()));
        let network = settings.text("/global/network", "");
        env.extend((!network.is_empty()).then(|| variable("ISTIO_META_NETWORK", network)));
        let workload = self.pod.metadata.label("service.istio.io/workload-name").unwrap_or(&self.owner.name);
        env.push(variable("ISTIO_META_WORKLOAD_NAME", workload));
        env.push(variable("ISTIO_META_OWNER", self.owner.url.as_str()));
        env.push(variable("ISTIO_META_MESH_ID", settings.text("/global/meshID", &settings.trust_domain)));
        env.push(variable("TRUST_DOMAIN", settings.trust_domain.as_str()));
        env.extend(self.config.metadata().into_iter().map(|(key, value)| variable(&key, value)));
        env
    }

    fn pod_ports(&self) -> String {
        let ports = self.pod.spec.containers.iter().flat_map(|container| &container.ports);
        let lines: Vec<String> = ports
            .map(|port| {
                let name =
                    if port.name.is_empty() { String::new() } else { format!("\"name\":\"{}\",", port.name) };
                let host = if port.host_port == 0 {
                    String::new()
                } else {
                    format!("\"hostPort\":{},", port.host_port)
                };
                let protocol = if port.protocol.is_empty() { "TCP" } else { &port.protocol };
                format!(
                    "{{{name}{host}\"containerPort\":{},\"protocol\":\"{protocol}\"}}\n",
                    port.container_port
                )
            })
            .collect();
        let body = if lines.is_empty() { String::new() } else { format!("    {}", lines.join("    ,")) };
        format!("[\n{body}]")
    }
}
