//! ML4169: retry budgets that name no share.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use super::breaker_metrics::policies;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4169",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 6), (29, 2), (30, 0)]),
        title: "A retry budget becomes a hundred times as large",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "set retryBudget.percent to what is meant",
        why: "A retryBudget without percent should let 20 % of the requests that run be retries. Until 1.28.5 and 1.29.1 it \
              was 0.2 %, so that little more than minRetryConcurrency was retried. From the next patches on it is 20 %: a \
              backend in trouble gets up to a fifth of its requests on top.",
        see: "`kubectl get destinationrule -A -o yaml | grep -n -A2 retryBudget`.",
        fix: "`retryBudget: {percent: 0.2}` keeps what was, `percent: 20` what was meant: proxies of both versions read them \
              alike.",
        sources: &[
            "https://github.com/istio/istio/blob/1.28.5/pilot/pkg/networking/core/cluster_traffic_policy.go",
            "https://github.com/istio/istio/blob/1.28.6/pilot/pkg/networking/core/cluster_traffic_policy.go",
        ],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let rules = context.objects().destination_rules.iter().filter(|rule| {
        let mut budgets = policies(rule).filter_map(|policy| policy.retry_budget.as_ref());
        budgets.any(|budget| budget.percent.is_null())
    });
    rules
        .map(|rule| {
            Hit::new(&rule.object_ref(), format!("retries to {} had 0.2 % of its requests", rule.spec.host))
        })
        .collect()
}
