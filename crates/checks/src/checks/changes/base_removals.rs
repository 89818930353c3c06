//! ML4131: an account that the base chart is said to take away.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Account of istiods that the base chart made.
const ACCOUNT: &str = "istiod-service-account";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4131",
        layer: Layer::ControlPlane,
        versions: Versions::Since(29),
        title: "It runs under an account that no chart makes any more",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "move it to ServiceAccount `istiod` before somebody cleans up",
        why: "The notes of 1.29 say that the base chart loses ServiceAccount `istiod-service-account`, ClusterRole \
              `istiod` and ClusterRoleBinding `istiod`. The charts of 1.19 to 1.28 do not have them either, so this \
              upgrade takes nothing away: they are left over from an older install, and belong to no release. Who uses \
              them stops working when somebody removes leftovers.",
        see: "`kubectl get pods -A -o jsonpath='{range \
              .items[?(@.spec.serviceAccountName==\"istiod-service-account\")]}{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}'`.",
        fix: "Let it run under an account of its own, or ServiceAccount `istiod`; move bindings of cloud identities with \
              it.",
        sources: &[
            "https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/",
            "https://github.com/istio/istio/pull/44838",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let workloads = context.mesh.workloads.values();
    let users = workloads.filter(|workload| workload.template.spec.service_account_name == ACCOUNT);
    users
        .map(|workload| {
            Hit::new(&workload.workload, format!("its serviceAccountName is {ACCOUNT}"))
                .because(format!("{} spec.serviceAccountName={ACCOUNT}", workload.workload))
        })
        .collect()
}
