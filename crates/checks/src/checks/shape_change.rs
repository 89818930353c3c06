//! ML1044: native becomes classic, or the other way round.

use meshlift_mesh::facts::{ProxyKind, Workload};
use meshlift_model::finding::{Consequence, Severity};

use super::classic::pods_of;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1044",
        layer: Layer::Sidecars,
        versions: Versions::Any,
        title: "A restart changes the shape of its sidecar",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "find out why (old nodes?), then choose accept-change, or pin the shape by annotation",
        why: "From 1.27 on native sidecars are on where every node's kubelet is 1.33 or newer; before, only where \
              istiod was told so. One older node pool, or one version that cannot be parsed, turns them off for \
              every pod that is injected from then on: the order of start and stop of app and proxy changes with \
              the restart.",
        see: "`kubectl get nodes`: VERSION; where `istio-proxy` is in the pods that run.",
        fix: "Keep the present shape by annotation `sidecar.istio.io/nativeSidecar: \"true\"` or `\"false\"` on \
              the pod template. Where old nodes are the cause, bring them to 1.33 or newer first.",
        sources: &["https://istio.io/latest/blog/2023/native-sidecars/"],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let (other, words) = match workload.on_restart.native? {
        true => (ProxyKind::Classic, "classic pods become native"),
        false => (ProxyKind::Native, "native pods become classic"),
    };
    let count = pods_of(context, workload, other);
    (count > 0).then(|| {
        Hit::new(&workload.workload, format!("{count} {words} when they are made anew"))
            .because(format!("{}: {}", workload.workload, workload.on_restart.why))
    })
}
