//! ML4106: an annotation that is not read any more.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// The annotation.
const ANNOTATION: &str = "sidecar.istio.io/statsCompression";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4106",
        layer: Layer::Sidecars,
        versions: Versions::Since(29),
        title: "Its annotation for compressed metrics is not read any more",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "set statsCompression in its annotation proxy.istio.io/config instead",
        why: "1.29 removed the annotation sidecar.istio.io/statsCompression, and compresses Envoy's metrics by default, \
              as the Accept-Encoding of whoever asks permits. A pod that had switched compression off sends \
              compressed metrics after its restart.",
        see: "`kubectl get deploy,sts,ds -A -o yaml | grep -B2 statsCompression`.",
        fix: "`proxy.istio.io/config: 'statsCompression: false'` on the pod template keeps what was.",
        sources: &["https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let value = workload.template.metadata.annotation(ANNOTATION)?;
    let detail = format!("{ANNOTATION}: {value} has no effect after its restart");
    Some(
        Hit::new(&workload.workload, detail)
            .because(format!("{} template {ANNOTATION}={value}", workload.workload)),
    )
}
