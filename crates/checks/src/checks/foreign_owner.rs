//! ML1033: pods of a controller that meshlift does not know.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1033",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "meshlift does not know how its controller replaces pods",
        severity: Severity::Warn,
        consequence: Consequence::NotReached,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "move these pods by their own controller's means, or choose hold-namespace",
        why: "The pods belong to an operator or to a ReplicaSet without a Deployment. What a restart means \
              there, in which order and with what loss, is its controller's matter.",
        see: "`kubectl get pod NAME -n NAMESPACE -o jsonpath='{.metadata.ownerReferences}'`.",
        fix: "Once their namespace follows the new revision, let its controller replace the pods (most operators have a field or \
              an annotation for a restart). Where it has none, delete one pod, see its successor Ready with the new proxy, and go \
              on with the next.",
        sources: &["https://kubernetes.io/docs/concepts/extend-kubernetes/operator/"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let RolloutRules::Foreign { owner } = &workload.rules else { return None };
    let detail = format!("its {} pods belong to {owner}", workload.pods.len());
    Some(Hit::new(&workload.workload, detail).because(owner.as_str()))
}
