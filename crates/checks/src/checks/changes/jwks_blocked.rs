//! ML4132: keys that istiod does not fetch any more.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Starts of such hosts.
const BLOCKED: [&str; 5] =
    ["169.254.", "fe80:", "100.100.100.200", "fd00:ec2::254", "metadata.google.internal"];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4132",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(29, 7), (30, 4), (31, 1)]),
        title: "istiod no longer fetches JWT keys from a link-local or metadata address",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "give the keys by `jwks`, or serve them at another address",
        why: "From 1.29.7, 1.30.4 and 1.31.1 on istiod does not connect to link-local addresses and the metadata services of clouds for \
              a RequestAuthentication's keys. Tokens are refused once proxies get the configuration of the new \
              revision.",
        see: "`kubectl get requestauthentication -A -o yaml | grep jwksUri`.",
        fix: "Serve the keys at another address, or put them into the rule. Names that resolve to such an address \
              are blocked too; a snapshot shows only what is written out.",
        sources: &[
            "https://istio.io/latest/news/releases/1.30.x/announcing-1.30.4/",
            "https://github.com/istio/istio/pull/61230",
        ],
    },
    needs: &[WORKLOADS, &["requestauthentications.security.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let all = context.objects().request_authentications.iter();
    all.filter_map(|one| {
        let rule = one.spec.jwt_rules.iter().find(|rule| is_blocked(&rule.jwks_uri))?;
        let detail = format!("the keys of {} are at {}", rule.issuer, rule.jwks_uri);
        Some(Hit::new(&one.object_ref(), detail).because(format!(
            "{} jwksUri={}",
            one.object_ref(),
            rule.jwks_uri
        )))
    })
    .collect()
}

/// True for link-local addresses and metadata services (istio: pkg/security, `IsLinkLocal`,
/// `IsKnownCloudMetadataAddress`).
fn is_blocked(uri: &str) -> bool {
    let host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let host = host.trim_start_matches('[').to_ascii_lowercase();
    BLOCKED.iter().any(|start| host.starts_with(start))
}
