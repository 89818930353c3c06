//! ML4186: retry budgets that begin to count for subsets.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource, TrafficPolicy};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4186",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(29, 2), (30, 0)]),
        title: "A retry budget begins to count for subsets",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the budget leaves enough retries for the subset, or take it away",
        why: "Where a DestinationRule and its subset both have a trafficPolicy, istiod lost the retryBudget of either when it put \
              them together: retries to the subset had no limit but maxRetries. From 1.29.2 and 1.30 on the subset's counts, or else the \
              rule's: a retry beyond it is not made, and the caller gets the error.",
        see: objects_where!(
            "destinationrule",
            "(.spec.trafficPolicy | length > 0) and any(.spec.subsets[]?; .trafficPolicy | length > 0) and any(.spec.trafficPolicy, .spec.subsets[]?.trafficPolicy; .retryBudget?)"
        ),
        fix: "`retryBudget: {percent: 100}` in the subset's trafficPolicy leaves as many retries as there are \
              requests, in all versions; or take the budget away. In a proxy of the new version, `istioctl \
              proxy-config cluster POD.NAMESPACE --fqdn HOST --subset NAME -o json | grep -A3 retryBudget` shows \
              what applies.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.1/pilot/pkg/networking/util/util.go",
            "https://github.com/istio/istio/blob/1.29.2/pilot/pkg/networking/util/util.go",
            "https://github.com/istio/istio/blob/1.28.10/pilot/pkg/networking/util/util.go",
        ],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().destination_rules.iter().filter_map(hit).collect()
}

fn hit(rule: &DestinationRule) -> Option<Hit> {
    let whole = &rule.spec.traffic_policy;
    // One of them alone has always been taken as it is.
    let says = |policy: &TrafficPolicy| *policy != TrafficPolicy::default();
    let limited = rule.spec.subsets.iter().filter(|subset| {
        let policy = &subset.traffic_policy;
        says(whole) && says(policy) && policy.retry_budget.as_ref().or(whole.retry_budget.as_ref()).is_some()
    });
    let names: Vec<&str> = limited.map(|subset| subset.name.as_str()).collect();
    let host = &rule.spec.host;
    (!names.is_empty()).then(|| {
        Hit::new(&rule.object_ref(), format!("retries to {host} had no limit in {}", names.join(", ")))
            .because("both the rule and the subset have a trafficPolicy, and one of them a retryBudget")
    })
}
