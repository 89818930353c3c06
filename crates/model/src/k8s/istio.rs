//! Istio's own kinds, as far as an upgrade reads them (<https://istio.io/latest/docs/reference/config/>).

use super::{ObjectMeta, StringMap, TargetReference};

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
        /// Gateways, Services or classes whose proxies it applies to; goes before the selector.
        pub target_refs: Vec<TargetReference>,
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
        /// Listener match.
        pub listener: EnvoyListenerMatch,
    }

    /// Listener match of an EnvoyFilter patch.
    pub struct EnvoyListenerMatch {
        /// Filter chain match.
        pub filter_chain: EnvoyFilterChainMatch,
    }

    /// Filter chain match of an EnvoyFilter patch.
    pub struct EnvoyFilterChainMatch {
        /// Network filter that is meant, or whose filters are.
        pub filter: EnvoyFilterMatch,
    }

    /// Network filter of an EnvoyFilter patch's match.
    pub struct EnvoyFilterMatch {
        /// Its name.
        pub name: String,
        /// HTTP filter in it.
        pub sub_filter: EnvoySubFilterMatch,
    }

    /// HTTP filter of an EnvoyFilter patch's match.
    pub struct EnvoySubFilterMatch {
        /// Its name.
        pub name: String,
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
        /// `AUTHN`, `AUTHZ`, `STATS`: where istiod puts what `ADD` adds.
        pub filter_class: String,
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
        /// How requests to the host are sent.
        pub traffic_policy: TrafficPolicy,
        /// Namespaces that it counts for: names, `.` for its own, `*` or nothing for all.
        pub export_to: Vec<String>,
        /// Clients of its own namespace that it counts for; absent means all.
        pub workload_selector: Option<ClientSelector>,
    }

    /// Clients that a DestinationRule counts for.
    pub struct ClientSelector {
        /// Labels of their pods.
        pub match_labels: StringMap,
    }

    /// Traffic policy of a DestinationRule, of its ports and its subsets.
    pub struct TrafficPolicy {
        /// TLS to the host.
        pub tls: Option<ClientTls>,
        /// Limits of connections and requests.
        pub connection_pool: Option<ConnectionPool>,
        /// Which endpoints are left out.
        pub outlier_detection: Option<OutlierDetection>,
        /// How endpoints are chosen.
        pub load_balancer: LoadBalancer,
        /// How many retries may run at once.
        pub retry_budget: Option<RetryBudget>,
        /// The same for single ports.
        pub port_level_settings: Vec<TrafficPolicy>,
    }

    /// TLS settings towards a host.
    pub struct ClientTls {
        /// `DISABLE`, `SIMPLE`, `MUTUAL`, `ISTIO_MUTUAL`.
        pub mode: String,
    }

    /// Limits of connections and requests; of most, that there are some is all that is read.
    pub struct ConnectionPool {
        /// Those of HTTP.
        pub http: HttpConnectionPool,
    }

    /// Limits of HTTP requests.
    pub struct HttpConnectionPool {
        /// `DEFAULT`, `DO_NOT_UPGRADE` or `UPGRADE`: whether HTTP/1.1 is sent as HTTP/2.
        pub h2_upgrade_policy: String,
        /// Speak to the host as the client spoke.
        pub use_client_protocol: bool,
        /// Requests that one connection of HTTP/2 carries at once; 0 sets no limit.
        pub max_concurrent_streams: i64,
    }

    /// How many retries may run at once.
    pub struct RetryBudget {
        /// Percent of the requests that run; any form of number, as it is written.
        pub percent: serde_json::Value,
    }

    /// Which endpoints are left out.
    pub struct OutlierDetection {
        /// Percent of endpoints that must be healthy, else all count as healthy.
        pub min_health_percent: Option<i32>,
    }

    /// How endpoints are chosen.
    pub struct LoadBalancer {
        /// `ROUND_ROBIN`, `LEAST_REQUEST`, …
        pub simple: String,
        /// Requests that are alike go to one endpoint.
        pub consistent_hash: Option<ConsistentHash>,
        /// Istio's preference for near endpoints.
        pub locality_lb_setting: Option<LocalityLb>,
        /// Envoy's own preference for its zone.
        pub zone_aware_lb_setting: Option<ZoneAwareLb>,
    }

    /// By what requests are alike.
    pub struct ConsistentHash {
        /// A header.
        pub http_header_name: String,
        /// A cookie.
        pub http_cookie: Option<HashCookie>,
        /// The address of the client.
        pub use_source_ip: bool,
        /// A parameter of the query.
        pub http_query_parameter_name: String,
    }

    /// Cookie by which requests are alike.
    pub struct HashCookie {
        /// Its name.
        pub name: String,
    }

    /// Istio's preference for near endpoints.
    pub struct LocalityLb {
        /// Labels that endpoints share with the client, the most important first.
        pub failover_priority: Vec<String>,
    }

    /// Envoy's own preference for its zone.
    pub struct ZoneAwareLb {
        /// On or off.
        pub enabled: Option<bool>,
    }

    /// Subset of a DestinationRule.
    pub struct Subset {
        /// Name.
        pub name: String,
        /// Labels of its pods.
        pub labels: StringMap,
        /// How requests to it are sent.
        pub traffic_policy: TrafficPolicy,
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
        pub http: Vec<VirtualServiceRoute>,
        /// TLS routes.
        pub tls: Vec<L4Route>,
        /// TCP routes.
        pub tcp: Vec<L4Route>,
    }

    /// HTTP route of a VirtualService.
    pub struct VirtualServiceRoute {
        /// Requests that take it.
        #[serde(rename = "match")]
        pub match_: Vec<HttpMatch>,
        /// Destinations with weights.
        pub route: Vec<RouteDestination>,
        /// Retry policy; absent means Istio's default.
        pub retries: Option<HttpRetry>,
        /// Where a copy of each request goes.
        pub mirror: Option<Destination>,
        /// The same, to several places.
        pub mirrors: Vec<HttpMirror>,
    }

    /// Match of an HTTP route.
    pub struct HttpMatch {
        /// Headers by name.
        pub headers: std::collections::BTreeMap<String, StringMatch>,
        /// Headers that must not be there, by name.
        pub without_headers: std::collections::BTreeMap<String, StringMatch>,
    }

    /// Match of a text; which one is not read.
    pub struct StringMatch {}

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
        /// The same, where there are several certificates.
        pub credential_names: Vec<String>,
        /// Path of a certificate in the gateway's pods.
        pub server_certificate: String,
        /// Path of its key.
        pub private_key: String,
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
        /// `MESH_EXTERNAL` (default) or `MESH_INTERNAL`.
        pub location: String,
        /// Virtual addresses.
        pub addresses: Vec<String>,
        /// Namespaces that see it: names, `.` for its own, `*` or nothing for all.
        pub export_to: Vec<String>,
        /// Where its hosts are.
        pub endpoints: Vec<EntryEndpoint>,
    }

    /// Endpoint of a ServiceEntry.
    pub struct EntryEndpoint {
        /// Region, zone and what is below it, by `/`; empty where it is not known.
        pub locality: String,
    }

    /// `networking.istio.io.WorkloadEntry`.
    pub struct WorkloadEntry {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: WorkloadEntrySpec,
    }

    /// `networking.istio.io.WorkloadEntry` spec.
    pub struct WorkloadEntrySpec {
        /// Address of the machine.
        pub address: String,
    }
}
