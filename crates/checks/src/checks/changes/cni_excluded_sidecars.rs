//! ML4162: sidecars in a namespace that istio-cni begins to leave out.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, Resource};
use meshlift_model::names::ObjectRef;

use super::cni_excluded::named;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Key under which charts wrote the namespaces that are left out, and which istio-cni does not read.
const MISNAMED: &str = "EXCLUDED_NAMESPACES";
/// Whether istio-cni sets up pods again that started without it.
const REPAIR: [&str; 2] = ["REPAIR_ENABLED", "REPAIR_REPAIR_PODS"];
/// Container that waits for istio-cni's work, and fails without it.
const VALIDATION: &str = "istio-validation";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4162",
        layer: Layer::Sidecars,
        versions: Versions::SincePatches(&[(24, 5), (25, 2), (26, 0)]),
        title: "Its pods start late or never once istio-cni obeys what it was told",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "take the namespace off istio-cni's excludeNamespaces before istio-cni is upgraded",
        why: "Until 1.24.4 and 1.25.1 the chart wrote excludeNamespaces under a key that istio-cni does not read, so that it \
              had no effect. From the next patches on it counts: istio-cni sets up nothing for pods of such a namespace, \
              and istio-validation of each new pod with a sidecar fails for want of it, until istio-cni's repair comes by. \
              Where repair is off (REPAIR_ENABLED, REPAIR_REPAIR_PODS), the pods never start. The twin knows no istio-cni, so a \
              rehearsal does not show it.",
        see: "`kubectl get configmap istio-cni-config -n istio-system -o jsonpath='{.data.EXCLUDED_NAMESPACES}'`, and pods \
              there with a container istio-validation.",
        fix: "Remove the namespace from `excludeNamespaces` of chart cni (istioctl: `values.cni.excludeNamespaces`). \
              Nothing is to be done where no pod there should have a sidecar: then remove its label instead.",
        sources: &[
            "https://github.com/istio/istio/blob/1.25.1/manifests/charts/istio-cni/templates/configmap-cni.yaml",
            "https://github.com/istio/istio/blob/1.25.2/manifests/charts/istio-cni/templates/configmap-cni.yaml",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_off = REPAIR.iter().any(|key| context.agent_setting(key).is_some_and(|word| word != "true"));
    let left_out = named(context, MISNAMED);
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in context.proxied() {
        let namespace = workload.workload.namespace.as_str();
        let mut containers = context.as_injected(workload).spec.all_containers();
        if left_out.contains(namespace) && containers.any(|container| container.name == VALIDATION) {
            *waiting.entry(namespace).or_default() += 1;
        }
    }
    waiting
        .into_iter()
        .map(|(namespace, workloads)| {
            let subject = ObjectRef::cluster(Namespace::KIND, namespace);
            let word = if is_off { "never start" } else { "start after its repair alone" };
            Hit::new(&subject, format!("new pods of {workloads} workloads with sidecars {word}"))
                .severity(if is_off { Severity::Block } else { Severity::Warn })
                .because(format!("ConfigMap istio-cni-config {MISNAMED} names {namespace}"))
        })
        .collect()
}
