//! ML4143: external authorizers whose name the target does not take.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{AuthorizationPolicy, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// The longest name that the target takes.
const LONGEST: usize = 63;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4143",
        layer: Layer::Configuration,
        versions: Versions::Since(30),
        title: "Everything is denied, for the target does not take the authorizer's name",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "add the provider once more under a name of lower-case letters, digits and dashes, and point the policy at it",
        why: "From 1.30 on the name of an external authorizer (envoyExtAuthzHttp, envoyExtAuthzGrpc) must be 1 to 63 \
              lower-case letters, digits and dashes, without a dash at either end. With any other name (`opa.local`, \
              `my_authz`, `OPA`) a policy with action CUSTOM becomes one that denies: every request that it selects \
              is refused by each proxy of the new revision. No upgrade note says so.",
        see: "`kubectl get authorizationpolicy -A -o json | jq -r '.items[] | select(.spec.action == \"CUSTOM\") | \
              .metadata.namespace + \"/\" + .metadata.name + \" \" + .spec.provider.name'`.",
        fix: "Add an entry with a name that both versions take to extensionProviders, beside the old one and with the \
              same settings, in the mesh configs of both revisions; change `spec.provider.name` of the policies; see \
              that requests pass; then upgrade, and take the old entry away afterwards.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/security/authz/builder/extauthz.go",
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/security/authz/builder/extauthz.go",
        ],
    },
    needs: &[WORKLOADS, &["authorizationpolicies.security.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().authorization_policies.iter().filter_map(hit).collect()
}

fn hit(policy: &AuthorizationPolicy) -> Option<Hit> {
    let name = policy.spec.provider.name.as_str();
    let is_refused = policy.spec.action == "CUSTOM" && !name.is_empty() && !is_taken(name);
    is_refused.then(|| {
        Hit::new(
            &policy.object_ref(),
            format!("its provider `{name}` is refused, and every request that it selects with it"),
        )
        .because(format!("{} spec.provider.name={name}", policy.object_ref()))
    })
}

/// istio: `validateProviderName`.
fn is_taken(name: &str) -> bool {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    plain && name.len() <= LONGEST && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels_of_dns() {
        assert!(["opa", "opa-2", "0"].into_iter().all(is_taken));
        let long = "a".repeat(64);
        assert!(!["opa.local", "my_authz", "OPA", "-opa", "opa-", "ö", &long].into_iter().any(is_taken));
    }
}
