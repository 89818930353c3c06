//! ML1058: a namespace whose Pod Security level was raised after its pods were made.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Label that says what the API server refuses.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Levels that refuse NET_ADMIN and NET_RAW.
const REFUSING: [&str; 2] = ["baseline", "restricted"];
/// Container that sets the pod's rules up with both; with istio-cni there is none.
const INIT: &str = "istio-init";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1058",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Pod Security refuses its next pod",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "lower the namespace's enforce level, or move it to istio-cni, before its wave",
        why: "Its pods carry istio-init, which needs NET_ADMIN and NET_RAW. The namespace enforces a level that allows \
              neither: pods that run stay, and every new one is refused, so the rollout stands at its first pod. The level \
              came after the pods, or they are exempt by the API server's own configuration, which nothing shows. The twin \
              knows no Pod Security, so a rehearsal does not show it.",
        see: "`kubectl label --dry-run=server --overwrite ns NAMESPACE pod-security.kubernetes.io/enforce=baseline` warns \
              of each pod that the level refuses; `kubectl get ns NAMESPACE --show-labels`.",
        fix: "Install istio-cni first: then no pod needs istio-init. Or set pod-security.kubernetes.io/enforce=privileged \
              on the namespace for as long as its pods have one.",
        sources: &[
            "https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline",
            "https://istio.io/latest/docs/setup/additional-setup/pod-security-admission/",
        ],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let levels: BTreeMap<&str, &str> = (context.objects().namespaces.iter())
        .filter_map(|one| Some((one.metadata.name.as_str(), one.metadata.label(ENFORCE)?)))
        .filter(|(_, level)| REFUSING.contains(level))
        .collect();
    let hits = context.restarted().filter_map(|workload| {
        let level = levels.get(workload.workload.namespace.as_str())?;
        let pods = context.running_pods(workload).iter();
        let with_init =
            pods.filter(|(pod, _)| pod.spec.init_containers.iter().any(|one| one.name == INIT)).count();
        (with_init > 0).then(|| {
            let namespace = ObjectRef::cluster("Namespace", &workload.workload.namespace);
            Hit::new(
                &workload.workload,
                format!("{with_init} of its pods have {INIT}, and {namespace} enforces {level}"),
            )
            .because(format!("{namespace} {ENFORCE}={level}"))
        })
    });
    hits.collect()
}
