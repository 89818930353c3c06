//! ML4187: consistentHash, which begins to count at waypoints.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{ConsistentHash, DestinationRule, Resource, Service};

use super::super::subset::{meant, service_of};
use super::waypoint_routes::is_of_the_mesh;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes};
use crate::waypoints::{USES, waypoint_of};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4187",
        layer: Layer::Configuration,
        versions: Versions::Since(31),
        title: "Requests through a waypoint begin to stick to one endpoint",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that few clients or few values do not send most requests to one endpoint",
        why: "A DestinationRule has consistentHash for a Service with a waypoint and without routes. Until 1.30 the waypoint's \
              own route did not say what to hash, so that requests went to any endpoint. From 1.31 on they do as the rule \
              says: those that are alike go to one endpoint, which carries all of them. A Service with an HTTPRoute or a \
              VirtualService has done so before.",
        see: concat!(
            objects_where!("destinationrule", ".spec.trafficPolicy.loadBalancer.consistentHash?"),
            "; `istioctl proxy-config route POD.NAMESPACE -o json | grep -A4 hashPolicy` of the waypoint shows what applies."
        ),
        fix: "Take consistentHash away from the rule before the control plane moves where requests should go on to be spread: \
              until now it did nothing there. To stick before already, give the Service an HTTPRoute that sends all requests \
              to itself.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/networking/core/httproute.go",
            "https://github.com/istio/istio/blob/1.31.0-rc.0/pilot/pkg/networking/core/httproute.go",
        ],
    },
    needs: &[
        WORKLOADS,
        SERVICES,
        HTTP_ROUTES,
        &["destinationrules.networking.istio.io", "virtualservices.networking.istio.io"],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hashing = |rule: &&DestinationRule| {
        // Waypoints pass over rules for some clients alone.
        rule.spec.workload_selector.is_none()
            && rule.spec.traffic_policy.load_balancer.consistent_hash.as_ref().is_some_and(has_key)
    };
    let rules: Vec<&DestinationRule> = context.objects().destination_rules.iter().filter(hashing).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let routed = routed(context);
    rules.into_iter().filter_map(|rule| hit(context, rule, &routed)).collect()
}

/// Without one there is nothing to hash.
fn has_key(hash: &ConsistentHash) -> bool {
    let names = [&hash.http_header_name, &hash.http_query_parameter_name];
    hash.use_source_ip || hash.http_cookie.is_some() || names.into_iter().any(|name| !name.is_empty())
}

/// Namespaces and names of Services with routes.
fn routed<'a>(context: &'a Context<'_>) -> BTreeSet<(String, &'a str)> {
    let mut all = BTreeSet::new();
    for (route, spec) in http_routes(context) {
        for parent in spec.parent_refs.iter().filter(|one| one.kind.as_deref() == Some(Service::KIND)) {
            let namespace = parent.namespace.as_deref().unwrap_or(&route.namespace).to_owned();
            all.insert((namespace, parent.name.as_str()));
        }
    }
    for service in context.objects().virtual_services.iter().filter(|one| is_of_the_mesh(one)) {
        let hosts = service.spec.hosts.iter();
        let meant = hosts.filter_map(|host| meant(host, &service.metadata.namespace));
        all.extend(meant.map(|(namespace, name)| (namespace.to_owned(), name)));
    }
    all
}

fn hit(context: &Context<'_>, rule: &DestinationRule, routed: &BTreeSet<(String, &str)>) -> Option<Hit> {
    let service = service_of(context, &rule.spec.host, &rule.metadata.namespace)?;
    let (home, waypoint) = waypoint_of(context, &service.metadata)?;
    let (namespace, name) = (&service.metadata.namespace, service.metadata.name.as_str());
    // A waypoint reads rules of the Service's namespace and of its own.
    let is_read = rule.metadata.namespace == *namespace || rule.metadata.namespace == home;
    if !is_read || routed.contains(&(namespace.to_string(), name)) {
        return None;
    }
    let reference = service.object_ref();
    let detail = format!("waypoint {waypoint} spread the requests to {reference} over all of its endpoints");
    Some(
        Hit::new(&rule.object_ref(), detail)
            .because(format!("{USES}={waypoint}, and no route for {reference}")),
    )
}
