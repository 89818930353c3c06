//! Istio's authorization policies.

use super::{ObjectMeta, TargetReference};

api! {
    /// `security.istio.io.AuthorizationPolicy`.
    pub struct AuthorizationPolicy {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: AuthorizationPolicySpec,
    }

    /// `security.istio.io.AuthorizationPolicy` spec, as far as an upgrade changes what it decides.
    pub struct AuthorizationPolicySpec {
        /// Gateway, Service or class whose proxies it applies to: the former way to name one.
        pub target_ref: Option<TargetReference>,
        /// Gateways, Services or classes whose proxies it applies to.
        pub target_refs: Vec<TargetReference>,
        /// `ALLOW` (default), `DENY`, `AUDIT` or `CUSTOM`.
        pub action: String,
        /// Who decides, with `CUSTOM`.
        pub provider: AuthorizationPolicyProvider,
        /// Rules.
        pub rules: Vec<AuthorizationRule>,
    }

    /// `security.istio.io.Rule`, without operations.
    pub struct AuthorizationRule {
        /// Who sends the request.
        pub from: Vec<AuthorizationFrom>,
        /// Conditions.
        pub when: Vec<AuthorizationCondition>,
    }

    /// `security.istio.io.Rule.From`.
    pub struct AuthorizationFrom {
        /// Who sends the request.
        pub source: AuthorizationSource,
    }

    /// `security.istio.io.Source`, by identity alone.
    pub struct AuthorizationSource {
        /// Namespaces.
        pub namespaces: Vec<String>,
        /// Namespaces that are left out.
        pub not_namespaces: Vec<String>,
        /// Identities, without `spiffe://`.
        pub principals: Vec<String>,
        /// Identities that are left out.
        pub not_principals: Vec<String>,
        /// Service accounts, as `NAMESPACE/NAME` or a name of the policy's namespace.
        pub service_accounts: Vec<String>,
        /// Service accounts that are left out.
        pub not_service_accounts: Vec<String>,
    }

    /// `security.istio.io.Condition`.
    pub struct AuthorizationCondition {
        /// Attribute of the request, such as `request.headers[x-user]`.
        pub key: String,
        /// Values that it may have.
        pub values: Vec<String>,
        /// Values that it may not have.
        pub not_values: Vec<String>,
    }

    /// `security.istio.io.AuthorizationPolicy.ExtensionProvider`.
    pub struct AuthorizationPolicyProvider {
        /// Name of an `extensionProviders` entry of the mesh config.
        pub name: String,
    }
}
