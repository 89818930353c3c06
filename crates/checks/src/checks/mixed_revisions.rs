//! ML2009: several revisions in one namespace.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2009",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A namespace runs several revisions",
        severity: Severity::Info,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "its remaining pods move with the next restart; nothing is wrong while a move is under way",
        why: "Some of its pods were made after its selector moved and some before. Normal in the middle of an \
              upgrade; a sign of a forgotten rest long after one.",
        see: "`kubectl get pods -n NAMESPACE -o \
              custom-columns='NAME:.metadata.name,REV:.metadata.annotations.istio\\.io/rev'`.",
        fix: "Restart what still carries the old revision, or finish the upgrade.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/#data-plane"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut all: BTreeMap<&str, BTreeMap<&RevisionName, usize>> = BTreeMap::new();
    for (namespace, workloads) in context.proxied_by_namespace() {
        let counts = all.entry(namespace).or_default();
        let injected = workloads.iter().filter(|workload| context.is_injected(workload));
        for (revision, pods) in injected.flat_map(|workload| &workload.now) {
            if let Some(revision) = revision {
                *counts.entry(revision).or_default() += pods;
            }
        }
    }
    all.into_iter()
        .filter(|(_, counts)| counts.len() > 1)
        .map(|(namespace, counts)| {
            let words: Vec<String> =
                counts.iter().map(|(revision, pods)| format!("{pods} on {revision}")).collect();
            Hit::new(&ObjectRef::cluster("Namespace", namespace), format!("pods: {}", words.join(", ")))
        })
        .collect()
}
