//! Services and their endpoints.

use ecow::EcoString;

use super::{IntOrString, ObjectMeta, Shared, StringMap};
use crate::selector::LabelSelector;
use crate::word::Word;

api! {
    /// `v1.Service`.
    pub struct Service {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: ServiceSpec,
    }

    /// `v1.ServiceSpec`.
    pub struct ServiceSpec {
        /// `ClusterIP` (default), `NodePort`, `LoadBalancer` or `ExternalName`.
        #[serde(rename = "type")]
        pub type_: Word,
        /// Virtual address; `None` makes it headless.
        #[serde(rename = "clusterIP")]
        pub cluster_ip: EcoString,
        /// Pods behind it; empty means endpoints are managed elsewhere.
        pub selector: Shared<StringMap>,
        /// Ports.
        pub ports: Vec<ServicePort>,
        /// List pods that are not ready too.
        pub publish_not_ready_addresses: bool,
        /// `Cluster` or `Local`.
        pub external_traffic_policy: Word,
        /// `PreferClose`, `PreferSameZone` or `PreferSameNode`; empty for no preference.
        pub traffic_distribution: Word,
    }

    /// `v1.ServicePort`.
    pub struct ServicePort {
        /// Port name; its prefix tells Istio the protocol.
        pub name: EcoString,
        /// Port of the Service.
        pub port: i32,
        /// Port of the pods, number or name.
        pub target_port: IntOrString,
        /// `TCP`, `UDP` or `SCTP`.
        pub protocol: Word,
        /// Application protocol; wins over the name's prefix.
        pub app_protocol: Option<String>,
        /// Port on each node.
        pub node_port: i32,
    }

    /// `discovery.k8s.io/v1.EndpointSlice`.
    pub struct EndpointSlice {
        /// Metadata; label `kubernetes.io/service-name` names the Service.
        pub metadata: ObjectMeta,
        /// `IPv4`, `IPv6` or `FQDN`.
        pub address_type: Word,
        /// Endpoints.
        pub endpoints: Vec<Endpoint>,
        /// Ports.
        pub ports: Vec<EndpointPort>,
    }

    /// `discovery.k8s.io/v1.Endpoint`.
    pub struct Endpoint {
        /// Addresses.
        pub addresses: Vec<EcoString>,
        /// Conditions.
        pub conditions: EndpointConditions,
        /// The pod behind it.
        pub target_ref: Option<TargetRef>,
    }

    /// `discovery.k8s.io/v1.EndpointConditions`; absent `ready` means ready.
    pub struct EndpointConditions {
        /// Takes new connections.
        pub ready: Option<bool>,
        /// Serves, also while terminating.
        pub serving: Option<bool>,
        /// The pod is on its way out.
        pub terminating: Option<bool>,
    }

    /// `v1.ObjectReference` of an endpoint.
    pub struct TargetRef {
        /// Kind, `Pod`.
        pub kind: Word,
        /// Name.
        pub name: String,
        /// Namespace.
        pub namespace: EcoString,
        /// uid.
        pub uid: String,
    }

    /// `discovery.k8s.io/v1.EndpointPort`.
    pub struct EndpointPort {
        /// Port name.
        pub name: EcoString,
        /// Port number.
        pub port: i32,
        /// Protocol.
        pub protocol: Word,
    }

    /// `networking.k8s.io/v1.NetworkPolicy`.
    pub struct NetworkPolicy {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: NetworkPolicySpec,
    }

    /// `networking.k8s.io/v1.NetworkPolicySpec`.
    pub struct NetworkPolicySpec {
        /// Pods that it isolates; empty selects all of its namespace.
        pub pod_selector: LabelSelector,
        /// `Ingress`, `Egress`; without a word Ingress, and Egress where it has such rules.
        pub policy_types: Vec<String>,
        /// Who may reach these pods.
        pub ingress: Vec<NetworkPolicyIngressRule>,
        /// Whom these pods may reach.
        pub egress: Vec<NetworkPolicyEgressRule>,
    }

    /// `networking.k8s.io/v1.NetworkPolicyIngressRule`.
    pub struct NetworkPolicyIngressRule {
        /// Ports; empty means all.
        pub ports: Vec<NetworkPolicyPort>,
        /// Peers; empty means all.
        pub from: Vec<NetworkPolicyPeer>,
    }

    /// `networking.k8s.io/v1.NetworkPolicyEgressRule`.
    pub struct NetworkPolicyEgressRule {
        /// Ports; empty means all.
        pub ports: Vec<NetworkPolicyPort>,
        /// Peers; empty means all.
        pub to: Vec<NetworkPolicyPeer>,
    }

    /// `networking.k8s.io/v1.NetworkPolicyPeer`.
    pub struct NetworkPolicyPeer {
        /// Pods, of its own namespace unless namespaces are named too.
        pub pod_selector: Option<LabelSelector>,
        /// Namespaces.
        pub namespace_selector: Option<LabelSelector>,
        /// Addresses.
        pub ip_block: Option<IPBlock>,
    }

    /// `networking.k8s.io/v1.IPBlock`.
    pub struct IPBlock {
        /// Range, such as `10.0.0.0/8`.
        pub cidr: String,
        /// Ranges that are left out of it.
        pub except: Vec<String>,
    }

    /// `networking.k8s.io/v1.NetworkPolicyPort`.
    pub struct NetworkPolicyPort {
        /// `TCP` (default), `UDP` or `SCTP`.
        pub protocol: String,
        /// Number or name; absent means all.
        pub port: Option<IntOrString>,
        /// Last number of a range that begins with `port`.
        pub end_port: Option<i32>,
    }
}
