//! ML1055: webhooks and admission policies that no running pod was ever shown to.

use meshlift_mesh::facts::Workload;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, ObjectMeta, Pod, Resource, ValidatingAdmissionPolicy, Webhook};
use meshlift_model::names::ObjectRef;

use super::one_way_crds;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
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
              first pod. A ValidatingAdmissionPolicy that is newer than the pods, and looks at pods, is told as unknown: its \
              expressions are not evaluated, nor is it read where it is bound. \
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
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    let mutating =
        objects.mutating_webhooks.iter().map(|one| (one.object_ref(), &one.metadata, &one.webhooks));
    let validating =
        objects.validating_webhooks.iter().map(|one| (one.object_ref(), &one.metadata, &one.webhooks));
    let webhooks = mutating.chain(validating).filter(|(_, meta, _)| !is_istio(meta));
    let of_webhooks = webhooks.filter_map(|(reference, meta, webhooks)| {
        let strict: Vec<&Webhook> = webhooks.iter().filter(|one| one.failure_policy != "Ignore").collect();
        if strict.is_empty() {
            return None;
        }
        hit(context, &reference, meta, |namespace, pod| strict.iter().any(|one| one.wants(namespace, pod)))
    });
    let policies = objects.admission_policies.iter().filter(|policy| may_judge_pods(policy));
    let of_policies = policies.filter_map(|policy| of_policy(context, policy));
    of_webhooks.chain(of_policies).chain(unread(context)).collect()
}

fn of_policy(context: &Context<'_>, policy: &ValidatingAdmissionPolicy) -> Option<Hit> {
    let may_judge = |namespace: &Namespace, pod: &Pod| policy.wants(namespace, pod) != Some(false);
    let hit = hit(context, &policy.object_ref(), &policy.metadata, may_judge)?;
    let why = match policy.spec.match_constraints {
        Some(_) => "what it demands of them, and whether it is bound to their namespaces, is not read",
        None => "what it looks at was not recorded: it may be none of them",
    };
    Some(hit.because(why).severity(Severity::Info).unknown())
}

fn unread(context: &Context<'_>) -> Option<Hit> {
    let why = context.missing(POLICIES)?;
    let subject = ObjectRef::cluster("Source", POLICIES);
    let hit = Hit::new(&subject, "whether a policy is newer than the pods was not read");
    let hit = hit.because(format!("{POLICIES} {why}"));
    let hit = hit.hint(format!("record {POLICIES}, or create one pod as a dry run"));
    Some(hit.severity(Severity::Info).unknown())
}

/// Workloads that something judges whose pods are all older than it.
fn hit(
    context: &Context<'_>,
    judge: &ObjectRef,
    meta: &ObjectMeta,
    judges: impl Fn(&Namespace, &Pod) -> bool,
) -> Option<Hit> {
    let made = meta.creation_timestamp?;
    let is_judged = |workload: &Workload| {
        shown(context, workload).is_some_and(|(namespace, pod)| judges(namespace, &pod))
    };
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

/// What admission is shown of a workload's new pod, as far as it is asked for by labels: its namespace, and its metadata.
pub(super) fn shown<'a>(context: &Context<'a>, workload: &Workload) -> Option<(&'a Namespace, Pod)> {
    let pod = Pod { metadata: workload.template.metadata.clone().into(), ..Pod::default() };
    Some((context.named("", &workload.workload.namespace)?, pod))
}

/// False for policies that are known to look at other objects, where it was not recorded too: Istio's, and that of the Gateway
/// API.
fn may_judge_pods(policy: &ValidatingAdmissionPolicy) -> bool {
    let name = policy.metadata.name.as_str();
    let of_others = name.ends_with(".istio.io") || name.starts_with(one_way_crds::NAME);
    !is_istio(&policy.metadata) && (policy.spec.match_constraints.is_some() || !of_others)
}

/// Istio's own webhooks are judged by checks of their own.
pub(super) fn is_istio(meta: &ObjectMeta) -> bool {
    meta.label(REV_LABEL).is_some() || meta.name.starts_with("istio")
}
