//! ML4160: Services whose preference for near endpoints begins to count.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Namespace, Resource, Service};
use meshlift_model::names::ObjectRef;

use super::super::subset::meant;
use super::breaker_metrics::policies;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Annotation of Services, and of namespaces for all of theirs.
const ANNOTATION: &str = "networking.istio.io/traffic-distribution";
/// Words that mean something, in small letters, and the minor version from which on proxies obey them.
const WORDS: [(&str, u32); 3] = [("preferclose", 25), ("prefersamezone", 27), ("prefersamenode", 27)];
/// From which on a namespace says it for its Services.
const NAMESPACES: u32 = 30;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4160",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "Requests begin to stay in their zone",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that each zone (or node) with clients has enough endpoints of the Service to carry them",
        why: "Sidecars and gateways passed over a Service's trafficDistribution. They obey PreferClose from 1.25 on, \
              PreferSameZone and PreferSameNode from 1.27 on, and annotation networking.istio.io/traffic-distribution of \
              a namespace from 1.30 on: all requests of a zone go to the endpoints in it as long as these are ready. Few \
              endpoints beside many clients are overloaded while others idle.",
        see: "`kubectl get svc -A -o json | jq -r '.items[] | select(.spec.trafficDistribution or \
              .metadata.annotations[\"networking.istio.io/traffic-distribution\"]) | .metadata.namespace + \"/\" + \
              .metadata.name'`; `kubectl get endpointslice -n NAMESPACE -o wide` and the zones of the nodes.",
        fix: "Spread the endpoints over the zones as the clients are (topologySpreadConstraints), or take the field away. To \
              keep it for kube-proxy alone: a DestinationRule for the host with \
              trafficPolicy.loadBalancer.localityLbSetting.enabled=false goes before it.",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/change-notes/",
            "https://github.com/istio/istio/blob/1.25.0/pilot/pkg/networking/core/loadbalancer/loadbalancer.go",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/model/service.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/model/service.go",
        ],
    },
    needs: &[WORKLOADS, SERVICES, &["destinationrules.networking.istio.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // Without a sidecar or a gateway nobody reads it anew: ztunnel has always obeyed.
    if context.proxied().next().is_none() {
        return Vec::new();
    }
    let decided: BTreeSet<(&str, &str)> =
        context.objects().destination_rules.iter().filter_map(decides).collect();
    let services = context.objects().services.iter();
    services
        .filter_map(|service| hit(context, service))
        .filter(|(service, _)| !decided.contains(&(service.namespace.as_str(), service.name.as_str())))
        .map(|(_, hit)| hit)
        .collect()
}

/// The Service of a rule that says itself which endpoints are near: it goes before the Service.
fn decides(rule: &DestinationRule) -> Option<(&str, &str)> {
    let says = policies(rule).any(|policy| policy.load_balancer.locality_lb_setting.is_some());
    meant(&rule.spec.host, &rule.metadata.namespace).filter(|_| says)
}

fn hit(context: &Context<'_>, service: &Service) -> Option<(ObjectRef, Hit)> {
    let own = Some(service.spec.traffic_distribution.as_str()).filter(|word| !word.is_empty());
    let own = own.or_else(|| service.metadata.annotation(ANNOTATION));
    let namespace = ObjectRef::cluster(Namespace::KIND, service.metadata.namespace.as_str());
    let (word, place, since) = match own {
        Some(word) => (word, service.object_ref(), 0),
        None => {
            let word = context.object::<Namespace>(&namespace)?.metadata.annotation(ANNOTATION)?;
            (word, namespace, NAMESPACES)
        }
    };
    let (_, obeyed) = WORDS.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known))?;
    let minor = obeyed.max(since);
    let reference = service.object_ref();
    let hit = || {
        Hit::new(&reference, format!("sidecars and gateways obey its {word} from 1.{minor} on"))
            .because(format!("{place} {word}"))
    };
    context.used_versions().any(|version| context.crosses(version, minor)).then(|| (reference.clone(), hit()))
}
