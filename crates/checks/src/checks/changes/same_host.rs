//! ML4101: a host that two namespaces provide, and which of them is chosen.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, ServiceEntry};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4101",
        layer: Layer::Configuration,
        versions: Versions::Since(30),
        title: "A host that several namespaces provide is taken from another one",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the host one provider, or set PILOT_SIDECAR_PICK_BEST_SERVICE_NAMESPACE=false on the new istiod",
        why: "Until 1.29 a sidecar took a host that several namespaces provide from the first namespace in \
              alphabetical order. From 1.30 on it takes a Kubernetes Service first, else the provider that was \
              created first. Requests of all other namespaces then go to another backend.",
        see: "`kubectl get serviceentry -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.hosts,:metadata.creationTimestamp`, \
              and Services whose full name is among the hosts.",
        fix: "Remove all providers but one, or limit them by exportTo. To decide later: env \
              PILOT_SIDECAR_PICK_BEST_SERVICE_NAMESPACE=false on the new istiod keeps the former choice.",
        sources: &["https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/"],
    },
    needs: &[WORKLOADS, SERVICES, &["serviceentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

/// Whoever provides a host.
pub(super) struct Provider<'a> {
    /// Kubernetes Services come first.
    pub(super) is_entry: bool,
    created: Option<Time>,
    pub(super) namespace: &'a str,
    pub(super) object: ObjectRef,
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hosts = providers(context, is_seen_elsewhere);
    hosts.iter().filter_map(|(host, providers)| hit(host, providers)).collect()
}

/// Hosts of the ServiceEntries that count, and all that provide them.
pub(super) fn providers<'a>(
    context: &Context<'a>,
    counts: impl Fn(&ServiceEntry) -> bool,
) -> BTreeMap<String, Vec<Provider<'a>>> {
    let mut hosts: BTreeMap<String, Vec<Provider<'_>>> = BTreeMap::new();
    for entry in context.objects().service_entries.iter().filter(|entry| counts(entry)) {
        for host in &entry.spec.hosts {
            let provider = Provider {
                is_entry: true,
                created: entry.metadata.creation_timestamp,
                namespace: &entry.metadata.namespace,
                object: entry.object_ref(),
            };
            hosts.entry(host.clone()).or_default().push(provider);
        }
    }
    for service in &context.objects().services {
        let (name, namespace) = (&service.metadata.name, &service.metadata.namespace);
        // The names of Services never clash among each other.
        if let Some(providers) = hosts.get_mut(&format!("{name}.{namespace}.svc.cluster.local")) {
            let created = service.metadata.creation_timestamp;
            providers.push(Provider { is_entry: false, created, namespace, object: service.object_ref() });
        }
    }
    hosts
}

/// True unless only its own namespace sees it.
fn is_seen_elsewhere(entry: &ServiceEntry) -> bool {
    let own = |name: &String| name == "." || name == "~" || *name == entry.metadata.namespace;
    entry.spec.export_to.is_empty() || !entry.spec.export_to.iter().all(own)
}

fn hit(host: &str, providers: &[Provider<'_>]) -> Option<Hit> {
    let former = providers.iter().min_by_key(|one| (one.namespace, one.is_entry, one.created))?;
    let next = providers.iter().min_by_key(|one| (one.is_entry, one.created, one.namespace))?;
    if former.namespace == next.namespace {
        return None;
    }
    let hit = Hit::new(
        &former.object,
        format!("{host}: sidecars of other namespaces will take it from {}", next.object),
    );
    let hit = providers.iter().fold(hit, |hit, one| hit.because(format!("{} provides {host}", one.object)));
    let by_age = next.is_entry;
    let unknown_age = by_age && providers.iter().any(|one| one.is_entry && one.created.is_none());
    Some(if unknown_age { hit.unknown() } else { hit })
}
