//! ML4159: regular expressions in the sources of AuthorizationPolicies.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{AuthorizationPolicy, AuthorizationRule, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// What means something in a regular expression. Trust domains and accounts have dots of their own.
const OF_NAMESPACES: &str = r".()[]{}|+?^$\";
const OF_PRINCIPALS: &str = r"()[]{}|+?^$\";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4159",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 7), (29, 3), (30, 0)]),
        title: "A policy's regular expression matches nothing any more",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "name each namespace or principal, or use `*`, before the proxies move",
        why: "namespaces, notNamespaces and conditions (`when`) on source.namespace went into a regular expression \
              as they stand, and so did principals, notPrincipals and conditions on source.principal that begin with \
              `*`: `team-(a|b)` or `prod-.*` worked. From 1.28.7, 1.29.3 and 1.30 on only `*` means something in \
              them: an ALLOW by such a value allows nobody, a DENY stops nobody, and notNamespaces, notPrincipals \
              and notValues leave nobody out.",
        see: concat!(
            objects_where!(
                "authorizationpolicy",
                "[.spec.rules[]?.from[]?.source | .namespaces, .notNamespaces | .[]? | test(\"[^-a-z0-9*]\")] | any"
            ),
            " lists those with such namespaces; `kubectl get authorizationpolicy -A -o yaml | grep -nE -A4 \
             'rincipals:|source\\.(namespace|principal)'` shows principals and conditions: of principals, those that begin \
             with `*` and have one of `()[]{}|+?^$` in them."
        ),
        fix: "Write one value for each namespace or principal that is meant, or, for namespaces, one with `*` at its \
              end: proxies of both versions read that alike.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.2/pilot/pkg/security/authz/model/generator.go",
            "https://github.com/istio/istio/blob/1.29.3/pilot/pkg/security/authz/model/generator.go",
        ],
    },
    needs: &[WORKLOADS, &["authorizationpolicies.security.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().authorization_policies.iter().filter_map(hit).collect()
}

fn hit(policy: &AuthorizationPolicy) -> Option<Hit> {
    let value = policy.spec.rules.iter().find_map(expression)?;
    Some(Hit::new(&policy.object_ref(), format!("`{value}` is taken as it stands, and matches nobody")))
}

/// The first value of a rule that is more than a name with `*`.
fn expression(rule: &AuthorizationRule) -> Option<&String> {
    let sources = || rule.from.iter().map(|from| &from.source);
    let when = |key| conditions(rule, key);
    let namespaces = sources().flat_map(|one| one.namespaces.iter().chain(&one.not_namespaces));
    let principals = sources().flat_map(|one| one.principals.iter().chain(&one.not_principals));
    let principals = principals.chain(when("source.principal")).filter(|value| value.starts_with('*'));
    namespaces
        .chain(when("source.namespace"))
        .find(|value| value.contains(|one| OF_NAMESPACES.contains(one)))
        .or_else(|| principals.into_iter().find(|value| value.contains(|one| OF_PRINCIPALS.contains(one))))
}

/// Values of a rule's conditions on an attribute.
pub(super) fn conditions<'a>(
    rule: &'a AuthorizationRule,
    key: &'static str,
) -> impl Iterator<Item = &'a String> {
    let conditions = rule.when.iter().filter(move |one| one.key == key);
    conditions.flat_map(|one| one.values.iter().chain(&one.not_values))
}
