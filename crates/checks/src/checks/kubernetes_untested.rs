//! ML5020: Kubernetes is newer than what the target supports.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use super::kubernetes_too_old::{minor, most};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5020",
        layer: Layer::Kubernetes,
        versions: Versions::Target,
        title: "The target was not tested with this Kubernetes",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "choose a target that supports this Kubernetes, or try this pair in a test cluster first",
        why: "Each Istio version is tested with the Kubernetes versions of its time. With a newer one it mostly works, \
              but nobody promises that: what Kubernetes changed since (sidecar containers, removed APIs, the network \
              of nodes) would show for the first time in this cluster. `istioctl x precheck` looks for a Kubernetes \
              that is too old, and says nothing of one that is too new.",
        see: "`kubectl version`, and the column Supported Kubernetes Versions of \
              https://istio.io/latest/docs/releases/supported-releases/.",
        fix: "Go to an Istio version that supports this Kubernetes, in several hops where it takes them: \
              `meshlift versions --to VERSION`. If this target is only a hop on the way, keep the time on it short.",
        sources: &[
            "https://istio.io/latest/docs/releases/supported-releases/",
            "https://github.com/istio/istio.io/blob/master/data/compatibility/supportStatus.yml",
        ],
    },
    needs: &[&["version"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hit = || {
        let target = context.target?;
        let most = most(target)?;
        let version = context.mesh.snapshot.kubernetes_version.as_ref()?;
        (minor(version)? > most).then(|| {
            let subject = ObjectRef::cluster("Cluster", "kubernetes");
            let line = target.minor_line();
            Hit::new(&subject, format!("{version} runs, Istio {line} supports up to 1.{most}"))
                .because(format!("Kubernetes {version}"))
        })
    };
    hit().into_iter().collect()
}
