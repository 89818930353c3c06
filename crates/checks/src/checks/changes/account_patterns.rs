//! ML4170: regular expressions among the service accounts of AuthorizationPolicies.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{AuthorizationPolicy, Resource};

use super::policy_patterns::conditions;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Attribute of a condition that names service accounts.
const KEY: &str = "source.serviceAccount";
/// What means something in a regular expression, beside the dot that names of accounts may have.
const MARKS: &str = r"()[]{}|+?^$\";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4170",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(27, 9), (28, 6), (29, 2), (30, 0)]),
        title: "A policy's pattern of service accounts matches nobody any more",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "name each service account before the proxies move",
        why: "serviceAccounts went into a regular expression as they stand, so that `team/reader-.+` worked. From 1.27.9, \
              1.28.6, 1.29.2 and 1.30 on each is one name and nothing else: an ALLOW by a pattern allows nobody, a DENY \
              stops nobody.",
        see: concat!(
            objects_where!(
                "authorizationpolicy",
                "[.spec.rules[]?.from[]?.source | .serviceAccounts, .notServiceAccounts | .[]? | test(\"[^-a-z0-9./]\")] | any"
            ),
            ", and conditions (`when`) by source.serviceAccount."
        ),
        fix: "Write one value for each account, as NAMESPACE/NAME. Proxies of both versions read that alike.",
        sources: &[
            "https://github.com/istio/istio/blob/1.28.5/pilot/pkg/security/authz/model/generator.go",
            "https://github.com/istio/istio/blob/1.28.6/pilot/pkg/security/authz/model/generator.go",
        ],
    },
    needs: &[WORKLOADS, &["authorizationpolicies.security.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // ztunnel has always taken them as they stand.
    let is_read = context.proxied().next().is_some();
    context.objects().authorization_policies.iter().filter(|_| is_read).filter_map(hit).collect()
}

fn hit(policy: &AuthorizationPolicy) -> Option<Hit> {
    let mut accounts = policy.spec.rules.iter().flat_map(|rule| {
        let sources = rule.from.iter().map(|from| &from.source);
        let named = sources.flat_map(|one| one.service_accounts.iter().chain(&one.not_service_accounts));
        named.chain(conditions(rule, KEY))
    });
    let value = accounts.find(|value| value.contains(|one| MARKS.contains(one)))?;
    Some(Hit::new(&policy.object_ref(), format!("`{value}` is taken as it stands, and matches nobody")))
}
