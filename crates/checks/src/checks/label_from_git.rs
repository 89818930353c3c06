//! ML2013: a namespace whose labels are written by somebody else.

use std::collections::BTreeSet;

use meshlift_mesh::facts::Follows;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2013",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A GitOps controller writes the labels of this namespace",
        severity: Severity::Warn,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "let the controller leave its label istio.io/rev alone for the time of the run; a plan leaves it waiting until then",
        why: "A namespace moves by its label istio.io/rev. What a run writes there is taken back at the next \
              synchronisation, and pods that are made afterwards are of the old revision again. A plan does not \
              fight: it leaves the namespace where it is, and waits.",
        see: "`kubectl get ns NAME -o yaml`: labels or annotations of argocd.argoproj.io, kustomize.toolkit.fluxcd.io or \
              helm.toolkit.fluxcd.io.",
        fix: "Argo CD: `ignoreDifferences` for /metadata/labels/istio.io~1rev with RespectIgnoreDifferences. Flux: suspend \
              the Kustomization, or leave the label out of Git. Write the new value to Git once the namespace has moved.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/#stable-revision-labels"],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let moving: BTreeSet<&str> = context.restarted().map(|one| one.workload.namespace.as_str()).collect();
    let owned = context.mesh.namespaces.values().filter_map(|facts| Some((facts, facts.managed_by.as_ref()?)));
    let moved = owned.filter(|(facts, _)| {
        let selects = match &facts.follows {
            Follows::Revision { revision } => !context.is_target(revision),
            Follows::Tag { .. } => true,
            Follows::Unserved { .. } | Follows::Nothing => false,
        };
        selects && moving.contains(facts.name.as_str())
    });
    moved
        .map(|(facts, owner)| {
            let subject = ObjectRef::cluster("Namespace", &facts.name);
            Hit::new(&subject, format!("{owner} applies it, and takes back what a run writes")).because(owner.as_str())
        })
        .collect()
}
