//! ML4160: Services and ServiceEntries whose preference for near endpoints begins to count.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Namespace, ObjectMeta, Resource, TrafficPolicy};
use meshlift_model::names::ObjectRef;

use super::super::subset::meant;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Annotation of Services, and of namespaces for all of theirs.
const ANNOTATION: &str = "networking.istio.io/traffic-distribution";
/// Words that mean something, in small letters, and the minor version from which on proxies obey them.
const CLOSE: (&str, u32) = ("preferclose", 25);
const NODE: (&str, u32) = ("prefersamenode", 27);
const WORDS: [(&str, u32); 3] = [CLOSE, ("prefersamezone", 27), NODE];
/// From which on a namespace says it for its Services.
const NAMESPACES: u32 = 30;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4160",
        layer: Layer::Configuration,
        versions: Versions::Target,
        title: "Requests begin to stay in their zone",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that each zone (or node) with clients has enough endpoints of the Service to carry them",
        why: "Sidecars and gateways passed over a Service's trafficDistribution. They obey PreferClose from 1.25 on (as ztunnel \
              did before), PreferSameZone and PreferSameNode from 1.27 on as ztunnel does, and all obey annotation \
              networking.istio.io/traffic-distribution of a namespace from 1.30 on: all requests of a zone go to the \
              endpoints in it as long as these are ready. Few endpoints beside many clients are overloaded while others \
              idle.",
        see: "`kubectl get svc,serviceentry,ns -A -o json | jq -r '.items[] | select(.spec.trafficDistribution or \
              .metadata.annotations[\"networking.istio.io/traffic-distribution\"]) | .kind + \"/\" + .metadata.namespace \
              + \"/\" + .metadata.name'`; `kubectl get endpointslice -n NAMESPACE -o wide` and the zones of the nodes.",
        fix: "Spread the endpoints over the zones as the clients are (topologySpreadConstraints), or remove \
              spec.trafficDistribution (or the annotation). To keep it for kube-proxy alone, set \
              trafficPolicy.loadBalancer.localityLbSetting.enabled=false in the DestinationRule that applies to the \
              host, or in a new one where there is none (a more specific rule replaces a wider one as a whole).",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/change-notes/",
            "https://github.com/istio/istio/blob/1.25.0/pilot/pkg/networking/core/loadbalancer/loadbalancer.go",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/model/service.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/model/service.go",
        ],
    },
    needs: &[
        WORKLOADS,
        SERVICES,
        &["destinationrules.networking.istio.io", "serviceentries.networking.istio.io"],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    let annotated = objects.namespaces.iter().map(|one| &one.metadata);
    let of_namespaces: BTreeMap<&str, &str> =
        annotated.filter_map(|meta| Some((meta.name.as_str(), meta.annotation(ANNOTATION)?))).collect();
    let hosts = |is_meant: fn(&TrafficPolicy) -> bool| -> BTreeSet<String> {
        let rules = objects.destination_rules.iter();
        rules.filter(|rule| is_meant(&rule.spec.traffic_policy)).map(full_name).collect()
    };
    let decided = Decided { by_rule: hosts(says_who_is_near), near_already: hosts(ejects) };
    let services = objects.services.iter().filter_map(|service| {
        let meta = &service.metadata;
        let word = Some(service.spec.traffic_distribution.as_str()).filter(|word| !word.is_empty());
        let said = Said::of(word, meta, &of_namespaces).filter(|said| said.begins(context))?;
        said.hit(&service.object_ref(), &format!("{}.{}", meta.name, meta.namespace), &decided)
    });
    let entries = objects.service_entries.iter().filter_map(|entry| {
        let said = Said::of(None, &entry.metadata, &of_namespaces).filter(|said| said.begins(context))?;
        said.hit(&entry.object_ref(), entry.spec.hosts.first().map_or("", String::as_str), &decided)
    });
    services.chain(entries).collect()
}

/// Hosts whose rules say who is near.
struct Decided {
    /// Such a rule goes before the Service.
    by_rule: BTreeSet<String>,
    /// With ejections Istio keeps to the zone by itself.
    near_already: BTreeSet<String>,
}

/// `NAME.NAMESPACE` of a Service; any other host as it is.
fn full_name(rule: &DestinationRule) -> String {
    match meant(&rule.spec.host, &rule.metadata.namespace) {
        Some((namespace, name)) => format!("{name}.{namespace}"),
        None => rule.spec.host.clone(),
    }
}

fn says_who_is_near(policy: &TrafficPolicy) -> bool {
    policy.load_balancer.locality_lb_setting.is_some()
}

fn ejects(policy: &TrafficPolicy) -> bool {
    policy.outlier_detection.is_some()
}

/// A preference that counts from a version on.
struct Said<'a> {
    word: &'a str,
    /// The namespace that says it for a Service which does not.
    namespace: Option<&'a str>,
    minor: u32,
    is_of_node: bool,
}

impl<'a> Said<'a> {
    fn of(
        word: Option<&'a str>,
        meta: &'a ObjectMeta,
        of_namespaces: &BTreeMap<&'a str, &'a str>,
    ) -> Option<Self> {
        let own = word.or_else(|| meta.annotation(ANNOTATION));
        let namespace = own.is_none().then_some(meta.namespace.as_str());
        let word = own.or_else(|| of_namespaces.get(namespace?).copied())?;
        let (known, obeyed) = WORDS.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known))?;
        let minor = if namespace.is_some() { NAMESPACES } else { obeyed };
        Some(Self { word, namespace, minor, is_of_node: known == NODE.0 })
    }

    /// True where the upgrade comes by the version, and somebody here did not obey before it.
    fn begins(&self, context: &Context<'_>) -> bool {
        // ztunnel has always obeyed PreferClose of the Service itself.
        let is_new = self.minor > CLOSE.1 || context.proxied().next().is_some();
        is_new && context.used_versions().any(|version| context.crosses(version, self.minor))
    }

    fn hit(&self, reference: &ObjectRef, host: &str, decided: &Decided) -> Option<Hit> {
        let Self { word, minor, .. } = self;
        let is_near = !self.is_of_node && decided.near_already.contains(host);
        let place = self
            .namespace
            .map_or_else(|| reference.clone(), |name| ObjectRef::cluster(Namespace::KIND, name));
        (!is_near && !decided.by_rule.contains(host)).then(|| {
            Hit::new(reference, format!("its {word} counts from 1.{minor} on"))
                .because(format!("{place} {word}"))
        })
    }
}
