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

    /// `security.istio.io.AuthorizationPolicy` spec, as far as it hands the decision to others.
    pub struct AuthorizationPolicySpec {
        /// `ALLOW` (default), `DENY`, `AUDIT` or `CUSTOM`.
        pub action: String,
        /// Who decides, with `CUSTOM`.
        pub provider: AuthorizationPolicyProvider,
    }

    /// `security.istio.io.AuthorizationPolicy.ExtensionProvider`.
    pub struct AuthorizationPolicyProvider {
        /// Name of an `extensionProviders` entry of the mesh config.
        pub name: String,
    }
}
