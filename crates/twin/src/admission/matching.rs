//! Which webhooks want to see the creation of a pod.

use meshlift_model::k8s::{Namespace, Pod, Rule, Webhook};

/// True if the webhook is called for the creation of this pod in this namespace.
pub(crate) fn matches(webhook: &Webhook, namespace: &Namespace, pod: &Pod) -> bool {
    webhook.rules.iter().any(covers_pod_creation)
        && webhook
            .namespace_selector
            .as_ref()
            .is_none_or(|selector| selector.matches(&namespace.metadata.labels))
        && webhook.object_selector.as_ref().is_none_or(|selector| selector.matches(&pod.metadata.labels))
}

/// `k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go`.
fn covers_pod_creation(rule: &Rule) -> bool {
    let has = |list: &[String], wanted: &[&str]| list.iter().any(|entry| wanted.contains(&entry.as_str()));
    has(&rule.operations, &["*", "CREATE"])
        && has(&rule.api_groups, &["*", ""])
        && has(&rule.api_versions, &["*", "v1"])
        && has(&rule.resources, &["*", "*/*", "pods"])
        && matches!(rule.scope.as_str(), "" | "*" | "Namespaced")
}
