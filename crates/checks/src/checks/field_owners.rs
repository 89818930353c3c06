//! ML5029: fields of Istio's webhooks that Helm applies and somebody else owns.

use std::collections::BTreeSet;

use meshlift_model::defaults::{HELM_RELEASE, REV_LABEL, TAG_LABEL};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{FieldManager, ObjectMeta, Resource};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;
use crate::new_rules::not_judged;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5029",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "Helm applies a field of Istio's webhooks that another manager owns",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade the release with --force-conflicts, or leave the field out of it",
        why: "A release that Helm 4 applies on the API server's side fails with a conflict where its chart sets a field to another \
              value than that of who owns it, and may be half done then. istiod owns failurePolicy, which it sets to Fail once it \
              answers; installers and platforms own what they wrote. From 1.28.6, 1.29.2 and 1.30.0 on the charts leave \
              failurePolicy out of an upgrade, but for chart `default`. The twin knows no managers of fields: a rehearsal does \
              not show it.",
        see: "`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -l istio.io/rev -o json \
              --show-managed-fields | jq -r '.items[] | .metadata.name + \": \" + (.metadata.managedFields[] | .manager + \" \" + \
              .operation + \" \" + ([.fieldsV1 | .. | objects | keys[] | select(. == \"f:failurePolicy\" or . == \
              \"f:namespaceSelector\")] | unique | join(\",\")))'`.",
        fix: "`helm upgrade NAME CHART -n NAMESPACE --version VERSION -f VALUES --force-conflicts`; istiod sets \
              failurePolicy to Fail again within seconds. Where a platform writes the field again and again (AKS: \
              admissionsenforcer), leave it to that one. What istioctl installed is best upgraded by istioctl, or \
              moved to Helm in a step of its own.",
        sources: &[
            "https://github.com/istio/istio/issues/58302",
            "https://github.com/istio/istio/issues/59630",
            "https://github.com/istio/istio/issues/60497",
            "https://github.com/istio/istio/issues/61613",
            "https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
        ],
    },
    needs: &[&[
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    ]],
    find: Find::Mesh(find),
};

/// Managers by which Helm applies: its own, and Flux'.
const HELM: [&str; 2] = ["helm", "helm-controller"];
/// The field that istiod writes.
const FAILURE_POLICY: &str = "failurePolicy";
/// Versions whose charts leave it out of an upgrade.
const LEFT_OUT: Versions = Versions::SincePatches(&[(28, 6), (29, 2), (30, 0)]);

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    let objects = context.objects();
    let mutating = objects.mutating_webhooks.iter().map(|one| (one.object_ref(), &one.metadata));
    let validating = objects.validating_webhooks.iter().map(|one| (one.object_ref(), &one.metadata));
    let istios = mutating.chain(validating).filter(|(_, metadata)| metadata.label(REV_LABEL).is_some());
    istios.filter_map(|(reference, metadata)| hit(&reference, metadata, target)).collect()
}

fn hit(reference: &ObjectRef, metadata: &ObjectMeta, target: &IstioVersion) -> Option<Hit> {
    let release = metadata.annotation(HELM_RELEASE)?;
    if metadata.managed_fields.is_empty() {
        let detail = format!("it belongs to release {release}; who owns its fields was not recorded");
        let hit = not_judged(reference, detail, "record the mesh anew, with --show-managed-fields");
        return Some(hit.offers(&["accept-unknown"]));
    }
    let is_helm = |one: &&FieldManager| HELM.contains(&one.manager.as_str());
    let managers = || metadata.managed_fields.iter();
    if !managers().filter(is_helm).any(|one| one.operation == "Apply") {
        return None;
    }
    let may_conflict = |field: &str| field != FAILURE_POLICY || sets_failure_policy(metadata, target);
    let others = managers().filter(|one| !is_helm(one));
    let owned: BTreeSet<(&str, &str)> = others
        .flat_map(|one| one.fields_v1.iter().map(|field| (field, one.manager.as_str())))
        .filter(|(field, _)| may_conflict(field))
        .collect();
    if owned.is_empty() {
        return None;
    }
    let words: Vec<String> =
        owned.iter().map(|(field, manager)| format!("`{manager}` owns {field}")).collect();
    let detail = format!("release {release} applies it on the server's side, and {}", words.join(", "));
    Some(Hit::new(reference, detail))
}

/// True if the target's chart sets it in an upgrade too. The mark of a tag is that of chart `default`, which always does.
fn sets_failure_policy(metadata: &ObjectMeta, target: &IstioVersion) -> bool {
    !LEFT_OUT.has(target) || metadata.label(TAG_LABEL).is_some()
}
