//! Istio's own kinds, as far as an upgrade reads them (<https://istio.io/latest/docs/reference/config/>).

use super::{ObjectMeta, StringMap};

api! {
    /// `networking.istio.io.EnvoyFilter`.
    pub struct EnvoyFilter {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: EnvoyFilterSpec,
    }

    /// `networking.istio.io.EnvoyFilter` spec.
    pub struct EnvoyFilterSpec {
        /// Proxies that it applies to; absent means all of the namespace (of the mesh in the root namespace).
        pub workload_selector: Option<IstioSelector>,
        /// Patches.
        pub config_patches: Vec<EnvoyConfigPatch>,
    }

    /// Istio's `WorkloadSelector` in EnvoyFilter and Sidecar.
    pub struct IstioSelector {
        /// Labels of the pods.
        pub labels: StringMap,
    }

    /// One patch of an EnvoyFilter.
    pub struct EnvoyConfigPatch {
        /// What it patches, such as `HTTP_FILTER`.
        pub apply_to: String,
        /// Where it applies.
        #[serde(rename = "match")]
        pub match_: EnvoyPatchMatch,
        /// What it does.
        pub patch: EnvoyPatch,
    }

    /// Match of an EnvoyFilter patch.
    pub struct EnvoyPatchMatch {
        /// `SIDECAR_INBOUND`, `SIDECAR_OUTBOUND`, `GATEWAY`, `ANY`.
        pub context: String,
        /// Proxy match.
        pub proxy: EnvoyProxyMatch,
    }

    /// Proxy match of an EnvoyFilter patch.
    pub struct EnvoyProxyMatch {
        /// Regular expression over the proxy's Istio version.
        pub proxy_version: String,
        /// Exact matches over node metadata.
        pub metadata: StringMap,
    }

    /// Operation of an EnvoyFilter patch.
    pub struct EnvoyPatch {
        /// `INSERT_BEFORE`, `MERGE`, …
        pub operation: String,
        /// The value; only its name is read.
        pub value: EnvoyPatchValue,
    }

    /// Value of an EnvoyFilter patch, name alone.
    pub struct EnvoyPatchValue {
        /// Name of the filter, cluster or route.
        pub name: String,
    }

    /// `networking.istio.io.DestinationRule`.
    pub struct DestinationRule {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: DestinationRuleSpec,
    }

    /// `networking.istio.io.DestinationRule` spec.
    pub struct DestinationRuleSpec {
        /// Host, short or fully qualified.
        pub host: String,
        /// Subsets.
        pub subsets: Vec<Subset>,
    }

    /// Subset of a DestinationRule.
    pub struct Subset {
        /// Name.
        pub name: String,
        /// Labels of its pods.
        pub labels: StringMap,
    }

    /// `networking.istio.io.VirtualService`.
    pub struct VirtualService {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: VirtualServiceSpec,
    }

    /// `networking.istio.io.VirtualService` spec.
    pub struct VirtualServiceSpec {
        /// Hosts.
        pub hosts: Vec<String>,
        /// Gateways; empty means `mesh`.
        pub gateways: Vec<String>,
        /// HTTP routes.
        pub http: Vec<HttpRoute>,
        /// TLS routes.
        pub tls: Vec<L4Route>,
        /// TCP routes.
        pub tcp: Vec<L4Route>,
    }

    /// HTTP route of a VirtualService.
    pub struct HttpRoute {
        /// Destinations with weights.
        pub route: Vec<RouteDestination>,
        /// Retry policy; absent means Istio's default.
        pub retries: Option<HttpRetry>,
        /// Where a copy of each request goes.
        pub mirror: Option<Destination>,
        /// The same, to several places.
        pub mirrors: Vec<HttpMirror>,
    }

    /// Where a copy of each request goes.
    pub struct HttpMirror {
        /// Destination.
        pub destination: Destination,
    }

    /// Retry policy of an HTTP route.
    pub struct HttpRetry {
        /// Attempts; 0 turns retries off.
        pub attempts: i32,
        /// Conditions, comma-separated; empty means Istio's default.
        pub retry_on: String,
    }

    /// TLS or TCP route of a VirtualService.
    pub struct L4Route {
        /// Destinations with weights.
        pub route: Vec<RouteDestination>,
    }

    /// Weighted destination.
    pub struct RouteDestination {
        /// Destination.
        pub destination: Destination,
        /// Weight in percent.
        pub weight: i32,
    }

    /// Destination of a route.
    pub struct Destination {
        /// Host, short or fully qualified.
        pub host: String,
        /// Subset of a DestinationRule.
        pub subset: String,
    }

    /// `networking.istio.io.Gateway`, the Istio API's.
    pub struct IstioGateway {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: IstioGatewaySpec,
    }

    /// `networking.istio.io.Gateway` spec.
    pub struct IstioGatewaySpec {
        /// Labels of the gateway pods.
        pub selector: StringMap,
        /// Servers.
        pub servers: Vec<IstioServer>,
    }

    /// Server of an Istio Gateway.
    pub struct IstioServer {
        /// Hosts.
        pub hosts: Vec<String>,
        /// TLS settings.
        pub tls: Option<IstioServerTls>,
    }

    /// TLS settings of an Istio Gateway's server.
    pub struct IstioServerTls {
        /// `SIMPLE`, `MUTUAL`, `PASSTHROUGH`, …
        pub mode: String,
        /// Secret in the gateway pod's namespace.
        pub credential_name: String,
    }

    /// `networking.istio.io.ServiceEntry`.
    pub struct ServiceEntry {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: ServiceEntrySpec,
    }

    /// `networking.istio.io.ServiceEntry` spec.
    pub struct ServiceEntrySpec {
        /// Hosts.
        pub hosts: Vec<String>,
        /// `NONE`, `STATIC`, `DNS`, …
        pub resolution: String,
        /// Namespaces that see it: names, `.` for its own, `*` or nothing for all.
        pub export_to: Vec<String>,
    }
}
