//! Admission webhooks: the objects that decide who injects which pod.

use super::{Namespace, ObjectMeta, Pod, StringMap};
use crate::selector::LabelSelector;

/// Label that every namespace carries with its own name, given by the API server.
const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

api! {
    /// `admissionregistration.k8s.io/v1.MutatingWebhookConfiguration`.
    pub struct MutatingWebhookConfiguration {
        /// Metadata; `istio.io/rev` and `istio.io/tag` among its labels.
        pub metadata: ObjectMeta,
        /// Webhooks, called in this order.
        pub webhooks: Vec<Webhook>,
    }

    /// `admissionregistration.k8s.io/v1.ValidatingWebhookConfiguration`.
    pub struct ValidatingWebhookConfiguration {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Webhooks.
        pub webhooks: Vec<Webhook>,
    }

    /// `admissionregistration.k8s.io/v1.ValidatingAdmissionPolicy`, without its expressions.
    pub struct ValidatingAdmissionPolicy {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// What it looks at.
        pub spec: ValidatingAdmissionPolicySpec,
    }

    /// `admissionregistration.k8s.io/v1.ValidatingAdmissionPolicySpec`.
    pub struct ValidatingAdmissionPolicySpec {
        /// `Fail` (default) or `Ignore`, where an expression cannot be evaluated.
        pub failure_policy: String,
        /// Requests that it wants to see; absent in files that older versions recorded.
        pub match_constraints: Option<MatchResources>,
    }

    /// `admissionregistration.k8s.io/v1.MatchResources`.
    pub struct MatchResources {
        /// Requests that are meant.
        pub resource_rules: Vec<Rule>,
        /// Requests that are not, whatever is meant.
        pub exclude_resource_rules: Vec<Rule>,
        /// Namespaces that are meant; absent means all.
        pub namespace_selector: Option<LabelSelector>,
        /// Objects that are meant; absent means all.
        pub object_selector: Option<LabelSelector>,
    }

    /// A webhook of either configuration.
    pub struct Webhook {
        /// Qualified name.
        pub name: String,
        /// Whom to call.
        pub client_config: WebhookClientConfig,
        /// Requests that it wants to see.
        pub rules: Vec<Rule>,
        /// `Fail` (default) or `Ignore`.
        pub failure_policy: String,
        /// Namespaces that it covers; absent covers all.
        pub namespace_selector: Option<LabelSelector>,
        /// Objects that it covers; absent covers all.
        pub object_selector: Option<LabelSelector>,
        /// CEL conditions; any of them makes a purely label-based prediction unsound.
        pub match_conditions: Vec<MatchCondition>,
        /// `Never` (default) or `IfNeeded`.
        pub reinvocation_policy: String,
        /// Side effects: `None`, `NoneOnDryRun`, `Some`, `Unknown`.
        pub side_effects: String,
        /// Seconds; API default 10.
        pub timeout_seconds: Option<i32>,
    }

    /// `admissionregistration.k8s.io/v1.MatchCondition`.
    pub struct MatchCondition {
        /// Name.
        pub name: String,
        /// CEL expression.
        pub expression: String,
    }

    /// `admissionregistration.k8s.io/v1.WebhookClientConfig`.
    pub struct WebhookClientConfig {
        /// Service to call.
        pub service: Option<ServiceReference>,
        /// URL to call instead.
        pub url: String,
        /// CA that signed its certificate, base64.
        pub ca_bundle: String,
    }

    /// `admissionregistration.k8s.io/v1.ServiceReference`.
    pub struct ServiceReference {
        /// Service name.
        pub name: String,
        /// Service namespace.
        pub namespace: String,
        /// URL path.
        pub path: String,
        /// Port; API default 443.
        pub port: Option<i32>,
    }

    /// `admissionregistration.k8s.io/v1.RuleWithOperations`.
    pub struct Rule {
        /// API groups; empty string is the core group.
        pub api_groups: Vec<String>,
        /// API versions.
        pub api_versions: Vec<String>,
        /// `CREATE`, `UPDATE`, …, or `*`.
        pub operations: Vec<String>,
        /// Resources, such as `pods`.
        pub resources: Vec<String>,
        /// `Cluster`, `Namespaced` or `*`.
        pub scope: String,
        /// Of policies: objects of these names alone.
        pub resource_names: Vec<String>,
    }
}

impl Webhook {
    /// True if the webhook is called for the creation of this pod in this namespace.
    #[must_use]
    pub fn wants(&self, namespace: &Namespace, pod: &Pod) -> bool {
        self.rules.iter().any(Rule::covers_pod_creation)
            && selects(self.namespace_selector.as_ref(), &namespace.metadata.labels)
            && selects(self.object_selector.as_ref(), &pod.metadata.labels)
    }
}

impl ValidatingAdmissionPolicy {
    /// True if, where it is bound to this namespace, it judges the creation of this pod; `None` where what it looks at was
    /// not recorded. Which name a pod will get is not known: a rule for certain names may mean it, and excludes it for no sure.
    #[must_use]
    pub fn wants(&self, namespace: &Namespace, pod: &Pod) -> Option<bool> {
        let meant = self.spec.match_constraints.as_ref()?;
        let excludes = |rule: &Rule| rule.covers_pod_creation() && rule.resource_names.is_empty();
        Some(
            meant.resource_rules.iter().any(Rule::covers_pod_creation)
                && !meant.exclude_resource_rules.iter().any(excludes)
                && selects(meant.namespace_selector.as_ref(), &namespace.metadata.labels)
                && selects(meant.object_selector.as_ref(), &pod.metadata.labels),
        )
    }
}

fn selects(selector: Option<&LabelSelector>, labels: &StringMap) -> bool {
    selector.is_none_or(|selector| selector.matches(labels))
}

impl Rule {
    /// `k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go`.
    fn covers_pod_creation(&self) -> bool {
        let has =
            |list: &[String], wanted: &[&str]| list.iter().any(|entry| wanted.contains(&entry.as_str()));
        has(&self.operations, &["*", "CREATE"])
            && has(&self.api_groups, &["*", ""])
            && has(&self.api_versions, &["*", "v1"])
            && has(&self.resources, &["*", "*/*", "pods"])
            && matches!(self.scope.as_str(), "" | "*" | "Namespaced")
    }
}

impl Namespace {
    /// With the label that the API server gives it: its own name.
    #[must_use]
    pub fn labelled_with_its_name(mut self) -> Self {
        let name = self.metadata.name.clone();
        self.metadata.labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name);
        self
    }
}
