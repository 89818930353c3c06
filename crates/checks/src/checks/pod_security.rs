//! ML1058: a namespace whose Pod Security level was raised after its pods were made.

use std::collections::BTreeMap;

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::pod_standards::{Level, violations};

/// Label that says what the API server refuses.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Container that sets the pod's rules up; with istio-cni there is none.
const INIT: &str = "istio-init";
/// Reasons that a finding names.
const REASONS_MAX: usize = 6;

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
        hint: "mend the template, move it to istio-cni, or lower the namespace's enforce level before its wave",
        why: "The namespace enforces a level of the Pod Security Standards that its pods do not meet: those that run stay, and \
              every new one is refused, so the rollout stands at its first pod. The level came after the pods, or they are \
              exempt by the API server's own configuration, which nothing shows. istio-init needs NET_ADMIN and NET_RAW, which \
              levels baseline and restricted refuse; a proxy has no seccomp profile of its own, which level restricted demands. \
              Not looked at: sysctls, SELinux, AppArmor, procMount, hosts of probes, and volumes of other kinds than \
              hostPath. The twin knows no Pod Security, so a rehearsal does not show it.",
        see: "`kubectl label --dry-run=server --overwrite ns NAMESPACE pod-security.kubernetes.io/enforce=baseline` (or \
              restricted) warns of each pod that the level refuses; `kubectl get ns NAMESPACE --show-labels`.",
        fix: "istio-init: install istio-cni first, then no pod needs it. Seccomp: `spec.securityContext.seccompProfile: {type: \
              RuntimeDefault}` in the pod template counts for the proxy too, or \
              `global.proxy.seccompProfile.type=RuntimeDefault` for all proxies. Else \
              `pod-security.kubernetes.io/enforce=privileged` on the namespace for as long as its pods need it.",
        sources: &[
            "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
            "https://istio.io/latest/docs/setup/additional-setup/pod-security-admission/",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let levels: BTreeMap<&str, (&str, Level)> = (context.objects().namespaces.iter())
        .filter_map(|one| {
            let label = one.metadata.label(ENFORCE)?;
            Some((one.metadata.name.as_str(), (label, Level::of(label)?)))
        })
        .collect();
    let awake = context.restarted().filter(|workload| workload.replicas > 0);
    let judged = awake.filter(|workload| !matches!(workload.rules, RolloutRules::Foreign { .. }));
    judged
        .filter_map(|workload| {
            let (label, level) = levels.get(workload.workload.namespace.as_str())?;
            hit(context, workload, label, *level)
        })
        .collect()
}

fn hit(context: &Context<'_>, workload: &Workload, label: &str, level: Level) -> Option<Hit> {
    let mut why = violations(level, &context.as_injected(workload).spec);
    let inits = context.running_pods(workload).iter().filter(|(pod, _)| has_init(pod)).count();
    if inits > 0 && !why.iter().any(|one| one.starts_with(INIT)) {
        // In files of former versions containers do not say what they add.
        why.insert(0, format!("{INIT} adds NET_ADMIN, NET_RAW"));
    }
    let namespace = ObjectRef::cluster("Namespace", &workload.workload.namespace);
    let first = why.first()?;
    let detail = format!("{namespace} enforces {label}, and {first}");
    let hit = Hit::new(&workload.workload, detail).because(format!("{namespace} {ENFORCE}={label}"));
    Some(why.iter().take(REASONS_MAX).fold(hit, |hit, one| hit.because(one)))
}

fn has_init(pod: &Pod) -> bool {
    pod.spec.init_containers.iter().any(|one| one.name == INIT)
}
