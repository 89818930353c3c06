//! ML2011: what injection would do is not certain.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2011",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "What new pods would get is not certain",
        severity: Severity::Warn,
        consequence: Consequence::Blind,
        offers: &["hold-namespace"],
        may_accept_unknown: false,
        hint: "the plan proves it by dry-run creation before anything restarts; look at the named condition",
        why: "The webhook has conditions beyond labels (matchConditions), or a source that decides was not \
              read. A prediction from labels alone may be wrong.",
        see: "`kubectl get mutatingwebhookconfiguration NAME -o yaml`: matchConditions.",
        fix: concat!("Prove what a pod gets: ", dry_run_of_a_pod!(), " shows it."),
        sources: &[
            "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let uncertain = context.restarted().filter(|workload| !workload.on_restart.uncertain.is_empty());
    for workload in uncertain.filter(|workload| context.is_injected(workload)) {
        let known = reasons.entry(&workload.workload.namespace).or_default();
        for reason in &workload.on_restart.uncertain {
            if !known.contains(&reason.as_str()) {
                known.push(reason);
            }
        }
    }
    reasons
        .into_iter()
        .map(|(namespace, reasons)| {
            Hit::new(&ObjectRef::cluster("Namespace", namespace), reasons.join("; ")).unknown()
        })
        .collect()
}
