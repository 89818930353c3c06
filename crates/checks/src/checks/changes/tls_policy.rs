//! ML4126: policies that begin to apply.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4126",
        layer: Layer::Configuration,
        versions: Versions::Since(28),
        title: "A BackendTLSPolicy begins to apply",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the policy: it was ignored until now",
        why: "Until 1.27 istiod ignored BackendTLSPolicies unless PILOT_ENABLE_ALPHA_GATEWAY_API was on. From 1.28 \
              on it obeys v1: gateways speak TLS to backends that spoke plain text to them.",
        see: "`kubectl get backendtlspolicies -A`.",
        fix: "Remove those that were never meant; make sure that the backends of the others speak TLS with a \
              certificate that the policy accepts.",
        sources: &["https://istio.io/latest/news/releases/1.28.x/announcing-1.28/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["backendtlspolicies.gateway.networking.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let obeys = |revision| context.istiod_env(revision, "PILOT_ENABLE_ALPHA_GATEWAY_API") == Some("true");
    if context.mesh.used_revisions().any(obeys) {
        return Vec::new();
    }
    let policies = context.objects().backend_tls_policies.iter();
    policies.map(|policy| Hit::new(&policy.object_ref(), "istiod ignores it today")).collect()
}
