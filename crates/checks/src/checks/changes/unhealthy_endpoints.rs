//! ML4133: endpoints that are not ready, and are sent to proxies all the same.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use super::super::subset::meant;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Label that names a slice's Service.
const SERVICE: &str = "kubernetes.io/service-name";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4133",
        layer: Layer::Configuration,
        versions: Versions::Since(31),
        title: "Proxies are told of endpoints that are not ready",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "expect clusters with unhealthy endpoints in dashboards, and more memory where many pods are not \
              ready",
        why: "From 1.31 on istiod sends endpoints that are not ready too, marked as unhealthy, unless \
              outlierDetection.minHealthPercent is set for the host. Requests still go to ready ones alone; \
              metrics count more endpoints than before.",
        see: "`istioctl proxy-config endpoints POD.NAMESPACE` after the move: HEALTH STATUS UNHEALTHY.",
        fix: "Nothing to do as a rule. Env PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS=false on the new istiod keeps them \
              out.",
        sources: &["https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/"],
    },
    needs: &[WORKLOADS, SERVICES, &["endpointslices.discovery.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let told_before = with_least_health(context);
    let mut waiting: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for slice in &context.objects().endpoint_slices {
        let Some(service) = slice.metadata.label(SERVICE) else { continue };
        let unready = slice.endpoints.iter().filter(|one| one.conditions.ready == Some(false)).count();
        let service = (slice.metadata.namespace.as_str(), service);
        if unready > 0 && !told_before.contains(&service) {
            *waiting.entry(service).or_default() += unready;
        }
    }
    let hits = waiting.into_iter().map(|((namespace, name), unready)| {
        let subject = ObjectRef::new("Service", namespace, name);
        Hit::new(
            &subject,
            format!("{unready} of its endpoints are not ready now, and will be sent as unhealthy"),
        )
    });
    hits.collect()
}

/// Services with a rule that says how many endpoints must be healthy: istiod sends their unready ones today, too.
fn with_least_health<'a>(context: &Context<'a>) -> BTreeSet<(&'a str, &'a str)> {
    let rules = context.objects().destination_rules.iter().filter(|rule| {
        let detection = rule.spec.traffic_policy.outlier_detection.as_ref();
        detection.and_then(|detection| detection.min_health_percent).is_some_and(|percent| percent > 0)
    });
    rules.filter_map(|rule| meant(&rule.spec.host, &rule.metadata.namespace)).collect()
}
