//! ML5003: annotation, image and connection of a proxy differ.

use meshlift_mesh::facts::Agreement;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5003",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "What a proxy runs is not certain",
        severity: Severity::Warn,
        consequence: Consequence::Blind,
        offers: &[],
        may_accept_unknown: true,
        hint: "look at the pod; nothing is restarted for it, and no revision is removed until it is clear",
        why: "A proxy has moved when its annotation, its image and its connection agree. Where they differ, one \
              of them is wrong, and removing a revision on the strength of the others could cut it off.",
        see: "`meshlift inspect pod/NAMESPACE/NAME`.",
        fix: "Delete the pod, where its workload can spare one: its successor is what the injector makes today. If that \
              disagrees too, somebody set its image or its annotation by hand: take `sidecar.istio.io/proxyImage` away from \
              the template.",
        sources: &["https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/"],
    },
    needs: &[WORKLOADS, &["istiod/syncz"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let pods = context.mesh.pods.values().filter(|pod| !pod.finished && !pod.terminating);
    pods.filter_map(|pod| match &pod.agreement {
        Agreement::Disagree { how } => Some(Hit::new(&pod.pod, how.as_str()).because(how.as_str()).unknown()),
        Agreement::None | Agreement::Agreed { .. } | Agreement::Unread { .. } => None,
    })
    .collect()
}
