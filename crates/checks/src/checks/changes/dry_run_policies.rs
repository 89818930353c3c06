//! ML4129: dry runs that an old ztunnel takes for real.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Variable of istiod that makes it send them.
const FLAG: &str = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY";
/// Annotation of a dry run.
const DRY_RUN: &str = "istio.io/dry-run";
/// The first ztunnel that knows what it means.
const KNOWS: (u32, u32) = (1, 29);

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4129",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "An older ztunnel would enforce this dry run",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "take AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY off until every ztunnel is 1.29 or later",
        why: "With AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY=true istiod sends AuthorizationPolicies that are a \
              dry run to ztunnel, with a mark. A ztunnel before 1.29 does not know the mark and enforces them: \
              requests that nobody meant to refuse are refused.",
        see: "`kubectl get authorizationpolicy -A -o yaml | grep -B8 \"istio.io/dry-run\"`.",
        fix: "Leave that variable out of the new revision's istiod, upgrade ztunnel on every node, then set it.",
        sources: &["https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["authorizationpolicies.security.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(ztunnel) = &context.mesh.ambient.ztunnel_version else { return Vec::new() };
    let sends =
        context.mesh.revisions.values().find(|revision| context.istiod_env(revision, FLAG) == Some("true"));
    let Some(sends) = sends.filter(|_| (ztunnel.major, ztunnel.minor) < KNOWS) else { return Vec::new() };
    let policies = context.objects().authorization_policies.iter();
    let dry = policies.filter(|policy| policy.metadata.annotation(DRY_RUN) == Some("true"));
    dry.map(|policy| {
        Hit::new(&policy.object_ref(), format!("ztunnel is {ztunnel}, and istiod {} sends it", sends.name))
            .because(format!("{} {DRY_RUN}=true", policy.object_ref()))
    })
    .collect()
}
