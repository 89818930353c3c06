//! ML4105: ServiceEntries without resolution, in an ambient mesh.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4105",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Ztunnel, 28),
        title: "An older ztunnel refuses what the new istiod makes of this ServiceEntry",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "do not change such ServiceEntries between the control plane's upgrade and ztunnel's; expect its NACKs meanwhile",
        why: "From 1.28 on istiod sends a ServiceEntry with resolution NONE to ztunnel as a service that passes \
              through. Older ztunnels do not know that kind and refuse it: what they had before stays, and one that \
              is new is not there at all, its waypoint included.",
        see: "`kubectl get serviceentry -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.resolution`.",
        fix: "Upgrade ztunnel soon after the control plane; its NACKs end with that.",
        sources: &["https://istio.io/latest/news/releases/1.28.x/announcing-1.28/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["serviceentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if context.mesh.ambient.ztunnels.is_empty() {
        return Vec::new();
    }
    // Without a word the resolution is NONE.
    let entries = context.objects().service_entries.iter();
    let without = entries.filter(|entry| matches!(entry.spec.resolution.as_str(), "" | "NONE"));
    without
        .map(|entry| {
            let hosts = entry.spec.hosts.join(", ");
            Hit::new(&entry.object_ref(), format!("{hosts} has no resolution"))
                .because(format!("{} spec.resolution is NONE", entry.object_ref()))
        })
        .collect()
}
