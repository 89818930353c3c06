//! ML4118: addresses that ServiceEntries get by themselves.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, ServiceEntry};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4118",
        layer: Layer::Configuration,
        versions: Versions::Since(25),
        title: "A ServiceEntry gets an address of its own",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "look at the ServiceEntry: proxies that answer DNS will hand out an address of 240.240.0.0/16 for it",
        why: "From 1.25 on istiod gives each ServiceEntry without addresses some in its status. Proxies with DNS \
              capture answer with them: clients that kept an address see another one, and TCP that shared a port \
              with other hosts is told apart.",
        see: "`kubectl get serviceentry -A -o \
              custom-columns=:metadata.namespace,:metadata.name,:spec.addresses,:status.addresses`.",
        fix: "Nothing to do as a rule. Clients that check addresses need to know; env \
              PILOT_ENABLE_IP_AUTOALLOCATE=false on the new istiod keeps it off.",
        sources: &["https://istio.io/latest/news/releases/1.25.x/announcing-1.25/change-notes/"],
    },
    needs: &[WORKLOADS, &["serviceentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if !context.restarted().any(|workload| context.captures_dns(workload)) {
        return Vec::new();
    }
    context
        .objects()
        .service_entries
        .iter()
        .filter(|entry| is_given_one(entry))
        .map(|entry| {
            let hosts = entry.spec.hosts.join(", ");
            Hit::new(
                &entry.object_ref(),
                format!("{hosts}: it has no addresses, and proxies here answer DNS"),
            )
        })
        .collect()
}

/// istiod gives addresses to entries that have a name to resolve and none yet (istio: pilot/pkg/controllers/ipallocate).
fn is_given_one(entry: &ServiceEntry) -> bool {
    let resolves = !matches!(entry.spec.resolution.as_str(), "" | "NONE");
    entry.spec.addresses.is_empty() && resolves && entry.spec.hosts.iter().any(|host| !host.contains('*'))
}
