//! ML4108: a host that several namespaces provide, seen from one of them.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

use super::same_host::{Provider, providers};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4108",
        layer: Layer::Configuration,
        versions: Versions::Since(24),
        title: "Sidecars take a shared host from their own namespace",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the host one provider, or set PILOT_UNIFIED_SIDECAR_SCOPE=false on the new istiod",
        why: "Until 1.23 a sidecar without a Sidecar resource took a host that both a Kubernetes Service and a \
              ServiceEntry provide from the Service. From 1.24 on it takes the provider of its own namespace \
              first: requests of that namespace go to what its ServiceEntry names.",
        see: "`kubectl get serviceentry -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.hosts`, and \
              Services whose full name is among the hosts.",
        fix: "Remove all providers but one. To decide later: env PILOT_UNIFIED_SIDECAR_SCOPE=false on the new \
              istiod keeps the former choice.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/upgrade-notes/"],
    },
    needs: &[WORKLOADS, SERVICES, &["serviceentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hosts = providers(context, |_| true);
    hosts.iter().flat_map(|(host, providers)| hits(host, providers)).collect()
}

/// Entries beside a provider of another namespace.
fn hits<'a>(host: &'a str, providers: &'a [Provider<'a>]) -> impl Iterator<Item = Hit> + 'a {
    providers.iter().filter(|one| one.is_entry).filter_map(move |entry| {
        let other = providers.iter().find(|one| one.namespace != entry.namespace)?;
        let detail = format!(
            "{host}: sidecars of {} will take it from here, not from {}",
            entry.namespace, other.object
        );
        Some(Hit::new(&entry.object, detail).because(format!("{} provides {host} too", other.object)))
    })
}
