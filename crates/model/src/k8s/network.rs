//! Services and their endpoints.

use super::{IntOrString, ObjectMeta, Shared, StringMap};

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
        pub type_: String,
        /// Virtual address; `None` makes it headless.
        #[serde(rename = "clusterIP")]
        pub cluster_ip: String,
        /// Pods behind it; empty means endpoints are managed elsewhere.
        pub selector: Shared<StringMap>,
        /// Ports.
        pub ports: Vec<ServicePort>,
        /// List pods that are not ready too.
        pub publish_not_ready_addresses: bool,
        /// `Cluster` or `Local`.
        pub external_traffic_policy: String,
    }

    /// `v1.ServicePort`.
    pub struct ServicePort {
        /// Port name; its prefix tells Istio the protocol.
        pub name: String,
        /// Port of the Service.
        pub port: i32,
        /// Port of the pods, number or name.
        pub target_port: IntOrString,
        /// `TCP`, `UDP` or `SCTP`.
        pub protocol: String,
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
        pub address_type: String,
        /// Endpoints.
        pub endpoints: Vec<Endpoint>,
        /// Ports.
        pub ports: Vec<EndpointPort>,
    }

    /// `discovery.k8s.io/v1.Endpoint`.
    pub struct Endpoint {
        /// Addresses.
        pub addresses: Vec<String>,
        /// Conditions.
        pub conditions: EndpointConditions,
        /// The pod behind it.
        pub target_ref: Option<TargetRef>,
        /// Node of the pod.
        pub node_name: String,
        /// Zone of the node.
        pub zone: String,
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
        pub kind: String,
        /// Name.
        pub name: String,
        /// Namespace.
        pub namespace: String,
        /// uid.
        pub uid: String,
    }

    /// `discovery.k8s.io/v1.EndpointPort`.
    pub struct EndpointPort {
        /// Port name.
        pub name: String,
        /// Port number.
        pub port: i32,
        /// Protocol.
        pub protocol: String,
    }
}
