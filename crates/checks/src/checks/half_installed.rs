//! ML5004: a revision that is not complete.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5004",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "A revision is half installed",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: false,
        hint: "finish its installation or remove what is there; meshlift does not reuse it",
        why: "Some of what a revision consists of is there and some is not: an installation that was broken \
              off, or a removal. Pods that it should inject are refused or come without a sidecar, and a plan \
              that took it for the new revision would move pods to something that does not work.",
        see: "`kubectl get deploy,svc,cm -n istio-system -l istio.io/rev=REV`, \
              `kubectl get mutatingwebhookconfiguration -l istio.io/rev=REV`.",
        fix: "Run the installation again to its end, or `istioctl uninstall --revision REV` after reading what \
              its dry run lists.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/"],
    },
    needs: &[WORKLOADS, &["services", "configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let broken = context.mesh.revisions.values().filter(|revision| !revision.missing.is_empty());
    broken
        .map(|revision| {
            let subject = ObjectRef::cluster("Revision", revision.name.as_str());
            Hit::new(&subject, format!("it lacks {}", revision.missing.join(", ")))
                .because(format!("missing: {}", revision.missing.join(", ")))
        })
        .collect()
}
