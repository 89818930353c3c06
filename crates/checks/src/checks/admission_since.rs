//! ML1055: webhooks and admission policies that no running pod was ever shown to.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Workload;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, ObjectMeta, Pod, Resource, Webhook};
use meshlift_model::names::ObjectRef;

use super::one_way_crds;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Workloads that a finding names.
const EVIDENCE_MAX: usize = 10;
/// Source of admission policies, without which webhooks can be judged.
const POLICIES: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1055",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A webhook or an admission policy is newer than the pods, and has the last word on new ones",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "make one pod of each workload anew before the upgrade, or create one as a dry run",
        why: "Pods that were made before the webhook was there have never been judged by it. It refuses a new one \
              if it does not like it, or if it does not answer (failurePolicy Fail): the rollout stands at its \
              first pod. A ValidatingAdmissionPolicy that is newer than the pods is told as unknown, as its rules are not read. \
              What a webhook of somebody else would say is not known to the twin, so a rehearsal does not show it.",
        see: "`kubectl get \
              mutatingwebhookconfigurations,validatingwebhookconfigurations,validatingadmissionpolicies \
              --sort-by=.metadata.creationTimestamp`.",
        fix: concat!(
            dry_run_of_a_pod!(),
            " shows whether a new pod is let in. `apply` does that with one pod before each wave."
        ),
        sources: &[
            "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/",
            "https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/",
        ],
    },
    needs: &[WORKLOADS, &["validatingwebhookconfigurations.admissionregistration.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    let mutating =
        objects.mutating_webhooks.iter().map(|one| (one.object_ref(), &one.metadata, &one.webhooks));
    let validating =
        objects.validating_webhooks.iter().map(|one| (one.object_ref(), &one.metadata, &one.webhooks));
    let namespaces: BTreeMap<&str, &Namespace> =
        objects.namespaces.iter().map(|one| (one.metadata.name.as_str(), one)).collect();
    let webhooks = mutating.chain(validating).filter(|(_, meta, _)| !is_istio(meta));
    let of_webhooks = webhooks.filter_map(|(reference, meta, webhooks)| {
        let strict: Vec<&Webhook> = webhooks.iter().filter(|one| one.failure_policy != "Ignore").collect();
        if strict.is_empty() {
            return None;
        }
        hit(context, &reference, meta, |workload| {
            let namespace = namespaces.get(workload.workload.namespace.as_str());
            let pod = Pod { metadata: workload.template.metadata.clone().into(), ..Pod::default() };
            namespace.is_some_and(|namespace| strict.iter().any(|one| one.wants(namespace, &pod)))
        })
    });
    let policies = objects.admission_policies.iter();
    let policies = policies.filter(|policy| may_judge_pods(&policy.metadata));
    let of_policies = policies.filter_map(|policy| {
        let hit = hit(context, &policy.object_ref(), &policy.metadata, |_| true)?;
        let why = "what it looks at, and where it is bound, is not read: it may be none of them";
        Some(hit.because(why).severity(Severity::Info).unknown())
    });
    let unread = context.missing(POLICIES).map(|why| {
        Hit::new(
            &ObjectRef::cluster("Source", POLICIES),
            "whether a policy is newer than the pods was not read",
        )
        .because(format!("{POLICIES} {why}"))
        .hint(format!("record {POLICIES}, or create one pod as a dry run"))
        .severity(Severity::Info)
        .unknown()
    });
    of_webhooks.chain(of_policies).chain(unread).collect()
}

/// Workloads that something judges whose pods are all older than it.
fn hit(
    context: &Context<'_>,
    judge: &ObjectRef,
    meta: &ObjectMeta,
    is_judged: impl Fn(&Workload) -> bool,
) -> Option<Hit> {
    let made = meta.creation_timestamp?;
    let is_older = |workload: &Workload| context.newest_pod(workload).is_some_and(|pod| pod < made);
    let unseen: Vec<&ObjectRef> = context
        .restarted()
        .filter(|workload| is_older(workload) && is_judged(workload))
        .map(|workload| &workload.workload)
        .collect();
    let first = unseen.first()?;
    let hit = Hit::new(
        judge,
        format!("{} workloads have no pod that it has seen, {first} among them", unseen.len()),
    );
    let named = unseen.iter().take(EVIDENCE_MAX);
    Some(named.fold(hit, |hit, one| hit.because(format!("all pods of {one} are older"))))
}

/// False for policies that are known to look at other objects: Istio's, and that of the Gateway API.
fn may_judge_pods(policy: &ObjectMeta) -> bool {
    !is_istio(policy) && !policy.name.ends_with(".istio.io") && !policy.name.starts_with(one_way_crds::NAME)
}

/// Istio's own webhooks are judged by checks of their own.
fn is_istio(meta: &ObjectMeta) -> bool {
    meta.label(REV_LABEL).is_some() || meta.name.starts_with("istio")
}
