//! ML4134: zone-aware routing that was never off.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, TrafficPolicy};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

use super::breaker_metrics::policies;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4134",
        layer: Layer::Configuration,
        versions: Versions::Since(31),
        title: "Zone-aware routing is off from now on",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "compare traffic between zones before and after",
        why: "Until 1.30 `zoneAwareLbSetting.enabled: false` did nothing, and Envoy preferred its own zone \
              wherever it could. From 1.31 on it means what it says: requests go to all zones alike, at the price \
              of traffic between them.",
        see: "`kubectl get destinationrule -A -o yaml | grep -n -A2 zoneAwareLbSetting`.",
        fix: "Remove the setting where the zone should be preferred; else watch latency and the bill.",
        sources: &["https://istio.io/latest/news/releases/1.31.x/announcing-1.31/change-notes/"],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let rules = context.objects().destination_rules.iter().filter(|rule| policies(rule).any(is_off));
    rules
        .map(|rule| {
            Hit::new(&rule.object_ref(), format!("requests to {} will leave their zone", rule.spec.host))
                .because(format!("{} zoneAwareLbSetting.enabled=false", rule.object_ref()))
        })
        .collect()
}

fn is_off(policy: &TrafficPolicy) -> bool {
    policy.load_balancer.zone_aware_lb_setting.as_ref().is_some_and(|setting| setting.enabled == Some(false))
}
