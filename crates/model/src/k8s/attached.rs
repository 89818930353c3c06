//! Istio's kinds that are attached to gateways, Services or workloads, beside authorization policies, and how they name
//! what they are attached to.

use super::ObjectMeta;

api! {
    /// `type.istio.io.PolicyTargetReference`: its kind tells the group, and a namespace is not supported.
    pub struct TargetReference {
        /// `Gateway`, `GatewayClass`, `Service` or `ServiceEntry`.
        pub kind: String,
        /// Name.
        pub name: String,
    }

    /// `telemetry.istio.io.Telemetry`.
    pub struct Telemetry {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: TelemetrySpec,
    }

    /// `telemetry.istio.io.Telemetry` spec, as far as it holds expressions.
    pub struct TelemetrySpec {
        /// Access logs.
        pub access_logging: Vec<TelemetryLogging>,
        /// Metrics.
        pub metrics: Vec<TelemetryMetrics>,
    }

    /// Access log of a Telemetry.
    pub struct TelemetryLogging {
        /// Requests that are logged.
        pub filter: TelemetryFilter,
    }

    /// Filter of an access log.
    pub struct TelemetryFilter {
        /// CEL expression.
        pub expression: String,
    }

    /// Metrics of a Telemetry.
    pub struct TelemetryMetrics {
        /// Changes of metrics.
        pub overrides: Vec<MetricsOverride>,
    }

    /// Change of a metric.
    pub struct MetricsOverride {
        /// Changes of its labels, by name.
        pub tag_overrides: std::collections::BTreeMap<String, TagOverride>,
    }

    /// Change of a label of a metric.
    pub struct TagOverride {
        /// CEL expression.
        pub value: String,
    }

    /// `security.istio.io.RequestAuthentication`.
    pub struct RequestAuthentication {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: RequestAuthenticationSpec,
    }

    /// `security.istio.io.RequestAuthentication` spec.
    pub struct RequestAuthenticationSpec {
        /// Gateway, Service or class whose proxies it applies to: the former way to name one.
        pub target_ref: Option<TargetReference>,
        /// Gateways, Services or classes whose proxies it applies to.
        pub target_refs: Vec<TargetReference>,
        /// Rules for tokens.
        pub jwt_rules: Vec<JwtRule>,
    }

    /// Rule for tokens.
    pub struct JwtRule {
        /// Who issues them.
        pub issuer: String,
        /// Where the keys are.
        pub jwks_uri: String,
        /// Claims that the application gets in headers.
        pub output_claim_to_headers: Vec<ClaimToHeader>,
    }

    /// Claim that the application gets in a header.
    pub struct ClaimToHeader {
        /// Name of the header.
        pub header: String,
    }

    /// `extensions.istio.io.WasmPlugin`.
    pub struct WasmPlugin {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: WasmPluginSpec,
    }

    /// `extensions.istio.io.WasmPlugin` spec, without its configuration.
    pub struct WasmPluginSpec {
        /// Where its module comes from: `oci://` (default), `https://`, `http://` or `file://`.
        pub url: String,
        /// `FAIL_CLOSE` (default), `FAIL_OPEN` or `FAIL_RELOAD`.
        pub fail_strategy: String,
        /// Gateway, Service or class whose proxies it applies to: the former way to name one.
        pub target_ref: Option<TargetReference>,
        /// Gateways, Services or classes whose proxies it applies to.
        pub target_refs: Vec<TargetReference>,
    }
}
