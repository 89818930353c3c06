//! ML4183: DestinationRules that a BackendTLSPolicy for the same host has kept from counting.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{
    BackendTLSPolicy, DestinationRule, Resource, Service, ServiceEntry, TrafficPolicy,
};
use meshlift_model::names::ObjectRef;

use super::super::subset::meant;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;

/// First minor version that makes rules of these policies without being asked to.
const READS: u32 = 28;
/// Annotation of a policy that istiod is to pass over (from 1.30 on).
const IGNORED: &str = "istio.io/ignore-policy-attachment";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4183",
        layer: Layer::Configuration,
        versions: Versions::Since(31),
        title: "A DestinationRule begins to count beside a BackendTLSPolicy",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the rule: what it says of tls replaces the policy, and the rest begins to apply",
        why: "istiod makes a rule of its own of a BackendTLSPolicy. Until 1.30 that one always came first, and a \
              DestinationRule of the same namespace for the same host gave its subsets alone: its trafficPolicy had no \
              effect. From 1.31 on each field that the DestinationRule sets counts, and the policy fills in the others. A \
              rule with tls takes the policy's TLS away: backends that expect it get something else, and requests fail.",
        see: "`kubectl get backendtlspolicy -A -o custom-columns=:metadata.namespace,:spec.targetRefs[*].name` \
              beside `kubectl get destinationrule -A -o \
              custom-columns=:metadata.namespace,:metadata.name,:spec.host,:spec.trafficPolicy`; in a proxy, \
              `istioctl proxy-config cluster POD.NAMESPACE --fqdn HOST -o json` shows what applies today.",
        fix: "Take tls out of the rule, unless the rule is what is meant: then remove the policy. Of the other fields keep \
              those that are meant. No setting of istiod keeps the former order.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/model/destination_rule.go",
            "https://github.com/istio/istio/blob/1.31.0-rc.0/pilot/pkg/model/destination_rule.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/config/kube/gateway/backend_policies.go",
        ],
    },
    needs: &[
        WORKLOADS,
        &[
            "backendtlspolicies.gateway.networking.k8s.io",
            "destinationrules.networking.istio.io",
            "serviceentries.networking.istio.io",
        ],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if !context.used_versions().any(|version| (version.major, version.minor) >= (1, READS)) {
        return Vec::new();
    }
    let all = context.objects().backend_tls_policies.iter();
    let obeyed = all.filter(|policy| policy.metadata.annotation(IGNORED) != Some("true"));
    let mut by_host: BTreeMap<(&str, String), &BackendTLSPolicy> = BTreeMap::new();
    let mut without_targets: BTreeMap<&str, &BackendTLSPolicy> = BTreeMap::new();
    for policy in obeyed {
        let namespace = policy.metadata.namespace.as_str();
        if policy.spec.target_refs.is_empty() {
            without_targets.insert(namespace, policy);
        }
        for host in hosts(context, policy) {
            by_host.entry((namespace, full_name(&host, namespace))).or_insert(policy);
        }
    }
    let rules = context.objects().destination_rules.iter().filter(|rule| was_passed_over(rule));
    let hits = rules.filter_map(|rule| {
        let namespace = rule.metadata.namespace.as_str();
        match by_host.get(&(namespace, full_name(&rule.spec.host, namespace))) {
            Some(policy) => Some(hit(rule, policy)),
            // The API server demands targets: an earlier build recorded policies by name alone.
            None => without_targets.get(namespace).map(|policy| {
                let detail = format!("whether {} is for its host was not recorded", policy.object_ref());
                not_judged(&rule.object_ref(), detail, "record the mesh anew")
            }),
        }
    });
    hits.collect()
}

/// Hosts of what a policy is for.
fn hosts(context: &Context<'_>, policy: &BackendTLSPolicy) -> Vec<String> {
    let namespace = &policy.metadata.namespace;
    let targets = policy.spec.target_refs.iter();
    let of_target = |kind: &str, name: &str| match kind {
        Service::KIND => vec![name.to_owned()],
        ServiceEntry::KIND => {
            let entry = context.object::<ServiceEntry>(&ObjectRef::new(kind, namespace, name));
            entry.map_or_else(Vec::new, |entry| entry.spec.hosts.clone())
        }
        _ => Vec::new(),
    };
    targets.flat_map(|target| of_target(&target.kind, &target.name)).collect()
}

/// `NAME.NAMESPACE` of a Service; any other host as it is.
fn full_name(host: &str, namespace: &str) -> String {
    meant(host, namespace).map_or_else(|| host.to_owned(), |(namespace, name)| format!("{name}.{namespace}"))
}

/// True for rules that istiod merges with its own: those for all clients, everywhere.
fn was_passed_over(rule: &DestinationRule) -> bool {
    let spec = &rule.spec;
    spec.export_to.is_empty()
        && spec.workload_selector.is_none()
        && spec.traffic_policy != TrafficPolicy::default()
}

fn hit(rule: &DestinationRule, policy: &BackendTLSPolicy) -> Hit {
    let (reference, policy) = (rule.object_ref(), policy.object_ref());
    let whole = &rule.spec.traffic_policy;
    let mut all = std::iter::once(whole).chain(&whole.port_level_settings);
    let hit = match all.find_map(|policy| policy.tls.as_ref()) {
        Some(tls) => {
            let mode = if tls.mode.is_empty() { "DISABLE" } else { &tls.mode };
            let detail = format!("its tls {mode} takes the place of {policy} from now on");
            Hit::new(&reference, detail).severity(Severity::Block).offers(&["accept-change"])
        }
        None => Hit::new(
            &reference,
            format!("its trafficPolicy had no effect until now, for {policy} went before it"),
        ),
    };
    hit.because(format!("{policy} is for {} too", rule.spec.host))
}
