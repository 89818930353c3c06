//! ML1059: workloads that an operator writes.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DaemonSet, Deployment, ObjectMeta, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1059",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "An operator writes this workload",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "find out how its operator restarts it, and whether it leaves the annotation of a restart alone",
        why: "A restart is an annotation on the pod template. An operator that writes the template from its own resource \
              takes it back, or restarts pods by rules of its own (one at a time, a leader last): the rollout may stand \
              half-way, or begin again. A run that finds its restart taken back stops and says so. The twin has no \
              operators, so a rehearsal does not show it.",
        see: "`kubectl get KIND NAME -n NAMESPACE -o jsonpath='{.metadata.ownerReferences}'`.",
        fix: "Put the annotation kubectl.kubernetes.io/restartedAt where the operator takes the template's from, or use its \
              own way to restart; hold the namespace in the plan until then.",
        sources: &[
            "https://kubernetes.io/docs/concepts/extend-kubernetes/operator/",
            "https://github.com/pravega/zookeeper-operator/issues/625",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    if matches!(workload.rules, RolloutRules::Foreign { .. } | RolloutRules::Bare) {
        return None;
    }
    let owner = meta(context, &workload.workload)?.controller()?;
    let words = format!("{} {}", owner.kind.as_str(), owner.name);
    // What the gateway controller of istiod makes is moved by its Gateway.
    let is_foreign = context.gateway_of(&workload.workload).is_none();
    is_foreign.then(|| {
        Hit::new(&workload.workload, format!("{words} ({}) controls it", owner.api_version.as_str()))
            .because(format!("its controller is {words}"))
    })
}

fn meta<'a>(context: &Context<'a>, workload: &ObjectRef) -> Option<&'a ObjectMeta> {
    match workload.kind.as_str() {
        Deployment::KIND => context.object::<Deployment>(workload).map(Resource::meta),
        StatefulSet::KIND => context.object::<StatefulSet>(workload).map(Resource::meta),
        DaemonSet::KIND => context.object::<DaemonSet>(workload).map(Resource::meta),
        _ => None,
    }
}
