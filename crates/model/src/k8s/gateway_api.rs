//! Gateway API objects, as far as an upgrade reads them.

use super::{Condition, ObjectMeta, StringMap, TargetReference};

api! {
    /// `gateway.networking.k8s.io/v1.Gateway`.
    pub struct Gateway {
        /// Metadata; label `istio.io/rev` names its owner.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: GatewaySpec,
        /// Observed state.
        pub status: GatewayStatus,
    }

    /// `gateway.networking.k8s.io/v1.GatewaySpec`.
    pub struct GatewaySpec {
        /// Class, such as `istio` or `istio-waypoint`.
        pub gateway_class_name: String,
        /// Listeners.
        pub listeners: Vec<Listener>,
        /// Labels for the objects made for it; freezes its pod template.
        pub infrastructure: Option<GatewayInfrastructure>,
        /// Addresses; a hostname or several make it unmanaged.
        pub addresses: Vec<GatewayAddress>,
        /// TLS settings of all listeners.
        pub tls: GatewayTls,
    }

    /// `gateway.networking.k8s.io/v1.GatewayTLSConfig`.
    pub struct GatewayTls {
        /// How clients are verified.
        pub frontend: GatewayFrontendTls,
    }

    /// `gateway.networking.k8s.io/v1.FrontendTLSConfig`.
    pub struct GatewayFrontendTls {
        /// At all ports.
        pub default: ClientValidation,
        /// At single ports.
        pub per_port: Vec<PortClientValidation>,
    }

    /// `gateway.networking.k8s.io/v1.TLSPortConfig`.
    pub struct PortClientValidation {
        /// At this port.
        pub tls: ClientValidation,
    }

    /// `gateway.networking.k8s.io/v1.TLSConfig` of a frontend.
    pub struct ClientValidation {
        /// How certificates of clients are verified.
        pub validation: FrontendValidation,
    }

    /// `gateway.networking.k8s.io/v1.FrontendTLSValidation`.
    pub struct FrontendValidation {
        /// Where the roots are that clients must come from.
        pub ca_certificate_refs: Vec<CertificateRef>,
    }

    /// `gateway.networking.k8s.io/v1.GatewayInfrastructure`.
    pub struct GatewayInfrastructure {
        /// Labels.
        pub labels: StringMap,
        /// Annotations.
        pub annotations: StringMap,
    }

    /// `gateway.networking.k8s.io/v1.GatewaySpecAddress`.
    pub struct GatewayAddress {
        /// `IPAddress` or `Hostname`.
        #[serde(rename = "type")]
        pub type_: String,
        /// Address.
        pub value: String,
    }

    /// `gateway.networking.k8s.io/v1.Listener`.
    pub struct Listener {
        /// Name.
        pub name: String,
        /// Host that it serves.
        pub hostname: String,
        /// Port.
        pub port: i32,
        /// Protocol.
        pub protocol: String,
        /// TLS settings.
        pub tls: Option<ListenerTls>,
    }

    /// `gateway.networking.k8s.io/v1.ListenerTLSConfig`.
    pub struct ListenerTls {
        /// `Terminate` or `Passthrough`.
        pub mode: String,
        /// Secrets.
        pub certificate_refs: Vec<CertificateRef>,
        /// What an implementation reads beside that.
        pub options: StringMap,
    }

    /// `gateway.networking.k8s.io/v1.SecretObjectReference`.
    pub struct CertificateRef {
        /// Kind, `Secret` by default.
        pub kind: String,
        /// Name.
        pub name: String,
        /// Namespace; the Gateway's when absent.
        pub namespace: Option<String>,
    }

    /// `gateway.networking.k8s.io/v1beta1.ReferenceGrant`.
    pub struct ReferenceGrant {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: ReferenceGrantSpec,
    }

    /// `gateway.networking.k8s.io/v1beta1.ReferenceGrantSpec`.
    pub struct ReferenceGrantSpec {
        /// Who may refer to objects of this namespace.
        pub from: Vec<GrantedFrom>,
        /// To which of them.
        pub to: Vec<GrantedTo>,
    }

    /// `gateway.networking.k8s.io/v1beta1.ReferenceGrantFrom`.
    pub struct GrantedFrom {
        /// Kind of what refers.
        pub kind: String,
        /// Its namespace.
        pub namespace: String,
    }

    /// `gateway.networking.k8s.io/v1beta1.ReferenceGrantTo`.
    pub struct GrantedTo {
        /// Group; empty for that of Services and Secrets.
        pub group: String,
        /// Kind of what is referred to.
        pub kind: String,
        /// Its name; any when absent.
        pub name: Option<String>,
    }

    /// `gateway.networking.k8s.io/v1.GatewayStatus`.
    pub struct GatewayStatus {
        /// `Accepted`, `Programmed`.
        pub conditions: Vec<Condition>,
    }

    /// `gateway.networking.k8s.io/v1.GatewayClass`.
    pub struct GatewayClass {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: GatewayClassSpec,
    }

    /// `gateway.networking.k8s.io/v1.GatewayClassSpec`.
    pub struct GatewayClassSpec {
        /// Controller, such as `istio.io/gateway-controller`.
        pub controller_name: String,
    }

    /// `gateway.networking.k8s.io/v1.BackendTLSPolicy`.
    pub struct BackendTLSPolicy {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: BackendTLSPolicySpec,
    }

    /// `gateway.networking.k8s.io/v1.BackendTLSPolicySpec`, without what it demands of certificates.
    pub struct BackendTLSPolicySpec {
        /// Services and ServiceEntries that it applies to.
        pub target_refs: Vec<TargetReference>,
    }
}
