//! ML4003: a DestinationRule's subset without pods.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource};

use super::subset::{Elsewhere, has_pods, service_of};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4003",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "A subset has no pods",
        severity: Severity::Warn,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "remove the subset, or start its pods",
        why: "The subset's labels select nothing. Whatever is routed to it gets 503, now or as soon as somebody \
              adds a route.",
        see: "`istioctl analyze -A` says IST0173; `kubectl get pods -n NAMESPACE -l LABELS`.",
        fix: "Remove the subset from the DestinationRule.",
        sources: &["https://istio.io/latest/docs/reference/config/analysis/"],
    },
    needs: &[&["pods", "services", "destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let elsewhere = Elsewhere::new(context);
    context.objects().destination_rules.iter().filter_map(|rule| hit(context, &elsewhere, rule)).collect()
}

fn hit(context: &Context<'_>, elsewhere: &Elsewhere<'_>, rule: &DestinationRule) -> Option<Hit> {
    let service = service_of(context, &rule.spec.host, &rule.metadata.namespace)?;
    let empty: Vec<&str> = rule
        .spec
        .subsets
        .iter()
        .filter(|subset| !has_pods(context, service, &subset.labels))
        .map(|subset| subset.name.as_str())
        .collect();
    if empty.is_empty() {
        return None;
    }
    let words = format!("no pod of {} is in subset {}", service.metadata.path(), empty.join(", "));
    Some(elsewhere.judged(Hit::new(&rule.object_ref(), words), service))
}
