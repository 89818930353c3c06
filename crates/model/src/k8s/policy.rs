//! What limits pods: PodDisruptionBudget, HorizontalPodAutoscaler, ResourceQuota, LimitRange.

use super::{Condition, IntOrString, ObjectMeta, ScaleTargetRef, StringMap};
use crate::selector::LabelSelector;
use crate::word::Word;

api! {
    /// `policy/v1.PodDisruptionBudget`. It blocks evictions, never a rollout.
    pub struct PodDisruptionBudget {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: PodDisruptionBudgetSpec,
        /// Observed state.
        pub status: PodDisruptionBudgetStatus,
    }

    /// `policy/v1.PodDisruptionBudgetSpec`.
    pub struct PodDisruptionBudgetSpec {
        /// Pods that must stay available; percentages round up.
        pub min_available: Option<IntOrString>,
        /// Pods that may be unavailable; percentages round up.
        pub max_unavailable: Option<IntOrString>,
        /// Pods that it covers; absent selects none, empty selects all.
        pub selector: Option<LabelSelector>,
    }

    /// `policy/v1.PodDisruptionBudgetStatus`.
    pub struct PodDisruptionBudgetStatus {
        /// Evictions allowed now.
        pub disruptions_allowed: i32,
        /// Healthy pods now.
        pub current_healthy: i32,
        /// Healthy pods that must stay.
        pub desired_healthy: i32,
        /// Pods that it counts.
        pub expected_pods: i32,
        /// Generation that the controller has seen.
        pub observed_generation: i64,
        /// `DisruptionAllowed`.
        pub conditions: Vec<Condition>,
    }

    /// `autoscaling/v2.HorizontalPodAutoscaler`.
    pub struct HorizontalPodAutoscaler {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: HorizontalPodAutoscalerSpec,
        /// Observed state.
        pub status: HorizontalPodAutoscalerStatus,
    }

    /// `autoscaling/v2.HorizontalPodAutoscalerSpec`.
    pub struct HorizontalPodAutoscalerSpec {
        /// What it scales.
        pub scale_target_ref: ScaleTargetRef,
        /// Least pods; API default 1.
        pub min_replicas: Option<i32>,
        /// Most pods.
        pub max_replicas: i32,
        /// What it scales by.
        pub metrics: Vec<MetricSpec>,
        /// How fast it may scale.
        pub behavior: ScalingBehavior,
    }

    /// `autoscaling/v2.MetricSpec`, without goals.
    pub struct MetricSpec {
        /// `Resource`, `ContainerResource`, `Pods`, `Object` or `External`.
        #[serde(rename = "type")]
        pub type_: Word,
        /// Of each pod.
        pub pods: Option<MetricSource>,
        /// Of another object.
        pub object: Option<MetricSource>,
        /// Of no object of the cluster.
        pub external: Option<MetricSource>,
    }

    /// `autoscaling/v2.PodsMetricSource` and its like: which metric it is.
    pub struct MetricSource {
        /// The metric.
        pub metric: MetricIdentifier,
    }

    /// `autoscaling/v2.MetricIdentifier`, without its selector.
    pub struct MetricIdentifier {
        /// As the adapter of metrics calls it.
        pub name: String,
    }

    /// `autoscaling/v2.HorizontalPodAutoscalerBehavior`.
    pub struct ScalingBehavior {
        /// Towards fewer pods.
        pub scale_down: ScalingRules,
    }

    /// `autoscaling/v2.HPAScalingRules`.
    pub struct ScalingRules {
        /// For so long the highest recommendation counts; towards fewer pods 300 where it is absent.
        pub stabilization_window_seconds: Option<i32>,
    }

    /// `autoscaling/v2.HorizontalPodAutoscalerStatus`.
    pub struct HorizontalPodAutoscalerStatus {
        /// Pods now.
        pub current_replicas: i32,
        /// Pods that it wants.
        pub desired_replicas: i32,
        /// What it measured last.
        pub current_metrics: Vec<MetricStatus>,
    }

    /// `autoscaling/v2.MetricStatus`, of resources alone.
    pub struct MetricStatus {
        /// Of all containers of its pods.
        pub resource: Option<ResourceMetricStatus>,
    }

    /// `autoscaling/v2.ResourceMetricStatus`.
    pub struct ResourceMetricStatus {
        /// `cpu` or `memory`.
        pub name: Word,
        /// What it measured.
        pub current: MetricValueStatus,
    }

    /// `autoscaling/v2.MetricValueStatus`.
    pub struct MetricValueStatus {
        /// Quantity, on average over its pods.
        pub average_value: Option<String>,
    }

    /// `v1.ResourceQuota`.
    pub struct ResourceQuota {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: ResourceQuotaSpec,
        /// Observed state.
        pub status: ResourceQuotaStatus,
    }

    /// `v1.ResourceQuotaSpec`.
    pub struct ResourceQuotaSpec {
        /// Hard limits by resource name, quantities as written.
        pub hard: StringMap,
        /// Scopes that narrow the pods it counts.
        pub scopes: Vec<String>,
        /// Further ones, some with values.
        pub scope_selector: ScopeSelector,
    }

    /// `v1.ScopeSelector`.
    pub struct ScopeSelector {
        /// All of them must hold.
        pub match_expressions: Vec<ScopeRequirement>,
    }

    /// `v1.ScopedResourceSelectorRequirement`, by its scope alone.
    pub struct ScopeRequirement {
        /// Scope.
        pub scope_name: String,
    }

    /// `v1.ResourceQuotaStatus`.
    pub struct ResourceQuotaStatus {
        /// Limits as enforced.
        pub hard: StringMap,
        /// What is used.
        pub used: StringMap,
    }

    /// `v1.LimitRange`.
    pub struct LimitRange {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: LimitRangeSpec,
    }

    /// `v1.LimitRangeSpec`.
    pub struct LimitRangeSpec {
        /// Limits, one for each type of object.
        pub limits: Vec<LimitRangeItem>,
    }

    /// `v1.LimitRangeItem`; quantities as written.
    pub struct LimitRangeItem {
        /// `Container`, `Pod` or `PersistentVolumeClaim`.
        #[serde(rename = "type")]
        pub type_: String,
        /// Least requests.
        pub min: StringMap,
        /// Greatest limits.
        pub max: StringMap,
        /// Limits of a container that has none.
        pub default: StringMap,
        /// Requests of a container that has none.
        pub default_request: StringMap,
        /// How many times its request a limit may be.
        pub max_limit_request_ratio: StringMap,
    }
}

impl ResourceQuotaSpec {
    /// True if it counts a pod that asks for nothing (`is_best_effort`) or for something; `None` where that goes by what
    /// is not read, such as the pod's priority class (kubernetes: pkg/quota/v1/evaluator/core/pods.go).
    #[must_use]
    pub fn counts(&self, is_best_effort: bool) -> Option<bool> {
        let selected = self.scope_selector.match_expressions.iter().map(|one| &one.scope_name);
        let holds = self.scopes.iter().chain(selected).map(|scope| match scope.as_str() {
            // Pods with activeDeadlineSeconds, which is not recorded: seen on Jobs alone.
            "Terminating" => Some(false),
            "NotTerminating" => Some(true),
            "BestEffort" => Some(is_best_effort),
            "NotBestEffort" => Some(!is_best_effort),
            _ => None,
        });
        let holds: Vec<Option<bool>> = holds.collect();
        if holds.contains(&Some(false)) {
            Some(false)
        } else if holds.contains(&None) {
            None
        } else {
            Some(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_counts_what_all_its_scopes_hold_for() {
        let spec = |json: &str| -> ResourceQuotaSpec { serde_json::from_str(json).unwrap() };
        assert_eq!(spec("{}").counts(false), Some(true));
        assert_eq!(spec(r#"{"scopes": ["NotTerminating", "NotBestEffort"]}"#).counts(false), Some(true));
        assert_eq!(spec(r#"{"scopes": ["NotBestEffort"]}"#).counts(true), Some(false));
        let classes = r#"{"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass"}]}}"#;
        assert_eq!(spec(classes).counts(false), None);
        let both = classes.replacen('{', r#"{"scopes": ["Terminating"], "#, 1);
        assert_eq!(spec(&both).counts(false), Some(false));
    }
}
