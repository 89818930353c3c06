//! Routes of the Gateway API, as far as an upgrade reads them (<https://gateway-api.sigs.k8s.io/reference/spec/>).

use super::ObjectMeta;

api! {
    /// `gateway.networking.k8s.io/v1.HTTPRoute`.
    pub struct HTTPRoute {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: RouteSpec,
    }

    /// `gateway.networking.k8s.io/v1.GRPCRoute`.
    pub struct GRPCRoute {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: RouteSpec,
    }

    /// `gateway.networking.k8s.io/v1.TLSRoute`.
    pub struct TLSRoute {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: RouteSpec,
    }

    /// `gateway.networking.k8s.io/v1.TCPRoute`.
    pub struct TCPRoute {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: RouteSpec,
    }

    /// `gateway.networking.k8s.io/v1.HTTPRouteSpec` and its like for other kinds of routes.
    pub struct RouteSpec {
        /// What it is attached to.
        pub parent_refs: Vec<RouteReference>,
        /// Hosts that it serves.
        pub hostnames: Vec<String>,
        /// Rules.
        pub rules: Vec<RouteRule>,
    }

    /// `gateway.networking.k8s.io/v1.ParentReference` or `BackendObjectReference`.
    pub struct RouteReference {
        /// Group; absent for that of Gateways in a parent, of Services in a backend.
        pub group: Option<String>,
        /// Kind; absent for a Gateway in a parent, a Service in a backend.
        pub kind: Option<String>,
        /// Namespace; the route's when absent.
        pub namespace: Option<String>,
        /// Name.
        pub name: String,
        /// Listener of a parent, by name; all of them when absent.
        pub section_name: Option<String>,
        /// Port of a parent or backend.
        pub port: Option<i32>,
        /// What is done with requests that go to this backend.
        pub filters: Vec<RouteFilter>,
    }

    /// `gateway.networking.k8s.io/v1.HTTPRouteRule` and its like for other kinds of routes.
    pub struct RouteRule {
        /// Requests that take it.
        pub matches: Vec<RouteMatch>,
        /// What is done with each request.
        pub filters: Vec<RouteFilter>,
        /// Where requests go.
        pub backend_refs: Vec<RouteReference>,
        /// When requests are sent again.
        pub retry: Option<RouteRetry>,
    }

    /// `gateway.networking.k8s.io/v1.HTTPRouteMatch` or `GRPCRouteMatch`.
    pub struct RouteMatch {
        /// Headers.
        pub headers: Vec<RouteHeader>,
    }

    /// `gateway.networking.k8s.io/v1.HTTPHeaderMatch` or `GRPCHeaderMatch`, name alone.
    pub struct RouteHeader {
        /// Name.
        pub name: String,
    }

    /// `gateway.networking.k8s.io/v1.HTTPRouteFilter` or `GRPCRouteFilter`.
    pub struct RouteFilter {
        /// `RequestMirror`, `RequestRedirect`, `CORS`, …
        #[serde(rename = "type")]
        pub type_: String,
        /// Where a copy of each request goes.
        pub request_mirror: Option<RouteMirror>,
        /// Whom browsers let read the answers.
        pub cors: Option<RouteCors>,
        /// Headers that requests get.
        pub request_header_modifier: Option<RouteHeaders>,
        /// Headers that answers get.
        pub response_header_modifier: Option<RouteHeaders>,
    }

    /// `gateway.networking.k8s.io/v1.HTTPHeaderFilter`.
    pub struct RouteHeaders {
        /// In the place of others of the name.
        pub set: Vec<HeaderValue>,
        /// Beside others of the name.
        pub add: Vec<HeaderValue>,
    }

    /// `gateway.networking.k8s.io/v1.HTTPHeader`, value alone.
    pub struct HeaderValue {
        /// Value.
        pub value: String,
    }

    /// `gateway.networking.k8s.io/v1.HTTPCORSFilter`, origins alone.
    pub struct RouteCors {
        /// Origins.
        pub allow_origins: Vec<String>,
    }

    /// `gateway.networking.k8s.io/v1.HTTPRequestMirrorFilter`.
    pub struct RouteMirror {
        /// Where to.
        pub backend_ref: RouteReference,
        /// How many of the requests.
        pub fraction: Option<RouteFraction>,
    }

    /// `gateway.networking.k8s.io/v1.Fraction`; that there is one is all that is read.
    pub struct RouteFraction {}

    /// `gateway.networking.k8s.io/v1.HTTPRouteRetry`.
    pub struct RouteRetry {
        /// How often; 0 turns retries off.
        pub attempts: Option<i32>,
    }
}
