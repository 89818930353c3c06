//! ML1054: a pull secret that is gone.

use super::reference_gone::{secrets, unread};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::LocalObjectReference;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1054",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A Secret to pull its images with is gone",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "bring the Secret back, or take it out of the template or its ServiceAccount",
        why: "Images that a node has are not pulled, so pods that run do not notice. A new pod on another node, or \
              one whose image is always pulled, stays in ImagePullBackOff. \
              The twin pulls no images, so a rehearsal does not show it.",
        see: "`kubectl get deploy NAME -n NAMESPACE -o jsonpath='{.spec.template.spec.imagePullSecrets}'`; `kubectl \
              get secret -n NAMESPACE`.",
        fix: "Create the Secret again, or correct its name. A registry that needs none does not need the reference \
              either.",
        sources: &["https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let restarted = || context.restarted().filter(|workload| workload.replicas > 0);
    let Some(present) = secrets(context) else {
        let unseen = restarted().filter(|one| !one.template.spec.image_pull_secrets.is_empty()).count();
        return unread(unseen, ["pulls images with", "pull images with"]).into_iter().collect();
    };
    restarted()
        .filter_map(|workload| {
            let namespace = workload.workload.namespace.as_str();
            let of_template = &workload.template.spec.image_pull_secrets;
            let is_gone = |one: &&LocalObjectReference| {
                !one.name.is_empty() && !present.contains(&(namespace, one.name.as_str()))
            };
            // Those of its ServiceAccount and of injection show in its pods alone.
            let of_pods = context.running_pods(workload).iter().map(|(pod, _)| &pod.spec.image_pull_secrets);
            let (who, gone) = match of_template.iter().find(is_gone) {
                Some(gone) => ("template names", gone),
                None => ("pods have", of_pods.flatten().find(is_gone)?),
            };
            let hit =
                Hit::new(&workload.workload, format!("Secret {namespace}/{} does not exist", gone.name));
            Some(hit.because(format!("its {who} imagePullSecret {}", gone.name)))
        })
        .collect()
}
