//! ML5016: a mesh of which only one cluster is seen.

use meshlift_mesh::other_clusters;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5016",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "The mesh goes beyond this cluster",
        severity: Severity::Warn,
        consequence: Consequence::Blind,
        offers: &[],
        may_accept_unknown: true,
        hint: "check the other clusters too, and keep all within one minor version of each other",
        why: "Istio gives no order for upgrades of several clusters. What runs in the others is not in this \
              snapshot: whether their istiods, proxies and gateways are near enough to the target, and share its \
              root, is not known. An istiod may go on with a remote Secret that was changed since until it is restarted: the \
              new revision's then sees endpoints of a cluster that the old one does not, or the other way round.",
        see: "`istioctl remote-clusters --revision REVISION` of both revisions: all synced, before and after; \
              `kubectl get secret -n istio-system -l istio/multiCluster=true`.",
        fix: "Run `check` against each cluster. Upgrade primaries before remotes, east-west gateways last, one \
              cluster at a time; probe both ways between each two.",
        sources: &[
            "https://istio.io/latest/docs/ops/deployment/deployment-models/#multiple-clusters",
            "https://github.com/istio/istio.io/issues/12971",
            "https://github.com/istio/istio/issues/60612",
        ],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let external = context
        .mesh
        .revisions
        .values()
        .filter(|one| context.istiod_env(one, "EXTERNAL_ISTIOD") == Some("true"));
    let external = external.map(|one| format!("istiod {} serves other clusters", one.name));
    let evidence: Vec<String> = other_clusters(context.objects()).chain(external).collect();
    let Some(first) = evidence.first() else { return Vec::new() };
    let hit = Hit::new(&ObjectRef::cluster("Cluster", "kubernetes"), first.clone());
    vec![evidence.into_iter().fold(hit, Hit::because)]
}
