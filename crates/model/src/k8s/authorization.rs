//! Istio's authorization policies.

use super::ObjectMeta;

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
        /// `ALLOW` (default), `DENY`, `AUDIT` or `CUSTOM`.
        pub action: String,
        /// Who decides, with `CUSTOM`.
        pub provider: AuthorizationPolicyProvider,
        /// Rules.
        pub rules: Vec<AuthorizationRule>,
    }

    /// `security.istio.io.Rule`, conditions alone.
    pub struct AuthorizationRule {
        /// Conditions.
        pub when: Vec<AuthorizationCondition>,
    }

    /// `security.istio.io.Condition`, key alone.
    pub struct AuthorizationCondition {
        /// Attribute of the request, such as `request.headers[x-user]`.
        pub key: String,
    }

    /// `security.istio.io.AuthorizationPolicy.ExtensionProvider`.
    pub struct AuthorizationPolicyProvider {
        /// Name of an `extensionProviders` entry of the mesh config.
        pub name: String,
    }
}
