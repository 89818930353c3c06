//! ML4131: accounts that the base chart takes away.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Account of istiods that the base chart made.
const ACCOUNT: &str = "istiod-service-account";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4131",
        layer: Layer::ControlPlane,
        versions: Versions::Since(29),
        title: "It runs under an account that the new base chart removes",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "do not upgrade the base chart while anything uses the account",
        why: "The base chart of 1.29 has no ServiceAccount `istiod-service-account`, no ClusterRole `istiod` and \
              no ClusterRoleBinding `istiod` any more. Who still uses them cannot start, or may not read what it \
              needs, once the chart is upgraded.",
        see: "`kubectl get pods -A -o jsonpath='{range \
              .items[?(@.spec.serviceAccountName==\"istiod-service-account\")]}{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}'`.",
        fix: "Install the new revision beside the old one without touching the base chart; upgrade that when \
              nothing is left on the old revision. Move bindings of cloud identities to ServiceAccount `istiod`.",
        sources: &["https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find,
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
