//! ML4115: an operator in the cluster that nobody maintains any more.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4115",
        layer: Layer::ControlPlane,
        versions: Versions::Since(24),
        title: "Istio's in-cluster operator does not exist any more",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "take the operator out of the cluster, and install the new revision by istioctl or Helm",
        why: "The operator ended with 1.23. One that still runs reconciles what it installed, and may set back \
              what an upgrade changes; it cannot install 1.24 or later.",
        see: "`kubectl get deploy -A -o \
              custom-columns='NS:.metadata.namespace,NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image' \
              | grep 'istio.*/operator:'`.",
        fix: "`kubectl scale deploy NAME -n NS --replicas=0` first, then hand its objects over: \
              https://istio.io/latest/blog/2024/in-cluster-operator-deprecation-announcement/.",
        sources: &["https://istio.io/latest/blog/2024/in-cluster-operator-deprecation-announcement/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let operators = context.running(|image| image.contains("istio") && image.contains("/operator:"));
    let awake = operators.filter(|(workload, _)| workload.replicas > 0);
    awake.map(|(one, image)| Hit::new(&one.workload, format!("it runs {image}")).because(image)).collect()
}
