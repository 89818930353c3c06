//! ML4184: proxies that do not know their network, beside gateways of it.

use std::collections::BTreeSet;

use meshlift_model::defaults::NETWORK_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, Resource, Service};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Variable by which a proxy knows its own.
const VARIABLE: &str = "ISTIO_META_NETWORK";
/// Label of such a Service that names its port for requests of other networks, and the port without it.
const PORT: &str = "networking.istio.io/gatewayPort";
const DEFAULT_PORT: i32 = 15443;
/// Types of Services that are reached from elsewhere.
const OUTSIDE: [&str; 2] = ["LoadBalancer", "NodePort"];
/// Workloads that the finding names.
const SHOWN: usize = 5;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4184",
        layer: Layer::Configuration,
        versions: Versions::Since(30),
        title: "Requests within the cluster begin to go through its east-west gateway",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "set global.network to the network of the namespace, and restart the workloads, before the control plane moves",
        why: "Label topology.istio.io/network of istiod's namespace gives all pods of the cluster a network, and a Service with \
              that label is a gateway into it. Proxies without ISTIO_META_NETWORK reached all pods directly. From 1.30 on \
              istiod sends such a proxy through the gateways of every network that has some, its own too: requests make a \
              detour by the east-west gateway, and endpoints without mTLS are left out. The twin knows no networks: a \
              rehearsal does not show it.",
        see: "`kubectl get ns -L topology.istio.io/network`; `kubectl get svc -A -l topology.istio.io/network`; \
              `kubectl get pod NAME -n NAMESPACE -o yaml | grep -A1 ISTIO_META_NETWORK`: nothing. In a proxy of the \
              new istiod, `istioctl proxy-config endpoint POD.NAMESPACE` shows the gateway's address for Services of \
              the cluster.",
        fix: "`--set values.global.network=NETWORK` for istiod and its gateways (Helm: global.network), then a restart of the \
              workloads: both versions treat a proxy that knows its network alike. Where there is one network, take the \
              label off the Service instead: then there is no gateway to go through.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/xds/endpoints/ep_filters.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/xds/endpoints/ep_filters.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/serviceregistry/kube/controller/network.go",
        ],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let istiods = context.mesh.revisions.values().filter_map(|revision| revision.deployment.as_ref());
    let namespaces: BTreeSet<&str> = istiods.map(|deployment| deployment.namespace.as_str()).collect();
    let networked = namespaces.into_iter().filter_map(|name| {
        let reference = ObjectRef::cluster(Namespace::KIND, name);
        let network = context.object::<Namespace>(&reference)?.metadata.label(NETWORK_LABEL)?;
        Some((reference, network)).filter(|_| !network.is_empty())
    });
    networked.filter_map(|(namespace, network)| hit(context, &namespace, network)).collect()
}

fn hit(context: &Context<'_>, namespace: &ObjectRef, network: &str) -> Option<Hit> {
    let mut services = context.objects().services.iter();
    let leads = |service: &&Service| {
        service.metadata.label(NETWORK_LABEL) == Some(network) && accepts_sidecars(service)
    };
    let gateway = services.find(leads)?.object_ref();
    let strangers: Vec<&ObjectRef> = context
        .proxied()
        .filter(|workload| {
            let proxy = context.proxy(workload);
            proxy.is_some_and(|proxy| proxy.env_value(VARIABLE).unwrap_or_default().is_empty())
        })
        .map(|workload| &workload.workload)
        .collect();
    let first = strangers.first()?;
    let detail = format!(
        "proxies of {} workloads, {first} among them, do not know that they are in {network}: istiod would send them through \
         {gateway}",
        strangers.len()
    );
    let hit = Hit::new(namespace, detail)
        .because(format!("{NETWORK_LABEL}={network} on {namespace} and {gateway}"));
    let shown = strangers.iter().take(SHOWN);
    Some(shown.fold(hit, |hit, workload| hit.because(format!("{workload} has no {VARIABLE}"))))
}

/// True if sidecars take a Service with the label for a gateway: it is reached from elsewhere, by the port for mTLS.
fn accepts_sidecars(service: &Service) -> bool {
    let port = service.metadata.label(PORT).and_then(|port| port.parse().ok()).unwrap_or(DEFAULT_PORT);
    OUTSIDE.contains(&service.spec.type_.as_str()) && service.spec.ports.iter().any(|one| one.port == port)
}
