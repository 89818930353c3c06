//! ML4136: registered machines that are not reached by HBONE.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Annotation of entries that machines made by registering.
const GROUP: &str = "istio.io/autoRegistrationGroup";
/// Label of what speaks HBONE.
const TUNNEL: &str = "networking.istio.io/tunnel";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4136",
        layer: Layer::Ambient,
        versions: Versions::Since(31),
        title: "A registered machine stays on plain text until it registers again",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "label the WorkloadEntry networking.istio.io/tunnel=http, or let the machine register anew",
        why: "From 1.31 on istiod labels a WorkloadEntry for HBONE when a machine registers by itself. Those that \
              registered before are not labelled: ztunnel and waypoints go on to reach them without mTLS, and \
              policies that demand it refuse.",
        see: "`kubectl get workloadentry -A -L networking.istio.io/tunnel`.",
        fix: "`kubectl label workloadentry NAME -n NAMESPACE networking.istio.io/tunnel=http`, where the machine \
              speaks HBONE.",
        sources: &["https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["workloadentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if context.mesh.ambient.ztunnels.is_empty() {
        return Vec::new();
    }
    let entries = context.objects().workload_entries.iter();
    let registered = entries
        .filter(|entry| entry.metadata.annotation(GROUP).is_some() && entry.metadata.label(TUNNEL).is_none());
    registered.map(|entry| Hit::new(&entry.object_ref(), format!("it has no label {TUNNEL}"))).collect()
}
