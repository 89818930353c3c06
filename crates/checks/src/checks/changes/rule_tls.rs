//! ML4110: client certificates of DestinationRules towards hosts outside of the mesh.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource};

use super::breaker_metrics::policies;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Metadata that gives a proxy client certificates of its own.
const OWN_KEY: &str = "ISTIO_META_TLS_CLIENT_KEY";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4110",
        layer: Layer::Configuration,
        versions: Versions::Since(24),
        title: "Certificates of a DestinationRule replace the proxy's own towards an external host",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "make sure that the host accepts the certificates that the rule names",
        why: "A proxy whose metadata names client certificates used them for every host in tls mode MUTUAL. From \
              1.24 on, towards hosts outside of the mesh, it uses those that the DestinationRule names.",
        see: "`kubectl get destinationrule -A -o yaml | grep -n \"mode: MUTUAL\"`; pods with \
              `ISTIO_META_TLS_CLIENT_KEY`.",
        fix: "Put into the rule what the host expects. To decide later: env \
              PREFER_DESTINATIONRULE_TLS_FOR_EXTERNAL_SERVICES=false on the new istiod keeps the former choice.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/change-notes/"],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io", "serviceentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let has_own = context.restarted().any(|workload| {
        let mut containers = context.as_injected(workload).spec.all_containers();
        containers.any(|one| one.env.iter().any(|variable| variable.name == OWN_KEY))
    });
    if !has_own {
        return Vec::new();
    }
    let entries = context.objects().service_entries.iter();
    let outside = entries.filter(|entry| entry.spec.location != "MESH_INTERNAL");
    let outside: BTreeSet<&str> = outside.flat_map(|entry| &entry.spec.hosts).map(String::as_str).collect();
    let rules = context.objects().destination_rules.iter();
    let hit = rules.filter(|rule| is_mutual(rule) && outside.contains(rule.spec.host.as_str()));
    hit.map(|rule| {
        let host = &rule.spec.host;
        Hit::new(
            &rule.object_ref(),
            format!("{host} is outside of the mesh, and will see the certificates of this rule"),
        )
        .because(format!("{} tls.mode=MUTUAL", rule.object_ref()))
    })
    .collect()
}

fn is_mutual(rule: &DestinationRule) -> bool {
    policies(rule).any(|policy| policy.tls.as_ref().is_some_and(|tls| tls.mode == "MUTUAL"))
}
