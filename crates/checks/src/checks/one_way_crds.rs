//! ML0003: a policy that lets definitions of the Gateway API go forward alone.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

/// Start of its name.
pub(super) const NAME: &str = "safe-upgrades";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0003",
        layer: Layer::Crds,
        versions: Versions::Any,
        title: "The Gateway API's definitions cannot be taken back",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "treat an upgrade of the Gateway API as a step without undo",
        why: "Bundles of the Gateway API from 1.5 on bring an admission policy that refuses older definitions, and \
              experimental ones over standard ones. Whoever upgrades them cannot go back without removing the \
              policy first.",
        see: "`kubectl get validatingadmissionpolicies | grep safe-upgrades`.",
        fix: "Prove old and new istiods with the new bundle before it is installed. To go back: delete the policy \
              and its binding, apply the old bundle, and expect objects of new versions to be lost.",
        sources: &["https://gateway-api.sigs.k8s.io/guides/crd-management/"],
    },
    needs: &[&["validatingadmissionpolicies.admissionregistration.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let policies = context.objects().admission_policies.iter();
    let guards = policies.filter(|policy| policy.metadata.name.starts_with(NAME));
    guards
        .map(|policy| {
            Hit::new(&policy.object_ref(), "it refuses older definitions than those that are there")
        })
        .collect()
}
