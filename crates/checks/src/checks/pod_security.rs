//! ML1058: a namespace whose Pod Security level was raised after its pods were made.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Container;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::pod_standards::{Level, violations};
use crate::traffic::PROXY;

/// Label that says what the API server refuses.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Container that sets the pod's rules up, and the one that is there in its place with istio-cni.
const INIT: &str = "istio-init";
const VALIDATION: &str = "istio-validation";
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
        see: "`kubectl label --dry-run=server --overwrite ns NAMESPACE pod-security.kubernetes.io/enforce-version=v1.30` warns of \
              each pod that the level refuses, where the namespace has another version or none; `kubectl get ns NAMESPACE \
              --show-labels`.",
        fix: "istio-init: install istio-cni first and the new revision with `pilot.cni.enabled=true`, then no pod \
              needs it. Seccomp: `spec.securityContext.seccompProfile: {type: RuntimeDefault}` in the pod template \
              counts for the proxy too, or `global.proxy.seccompProfile.type=RuntimeDefault` for all sidecars (from \
              1.28 on: earlier versions ignore it), `gateways.seccompProfile.type=RuntimeDefault` for what istiod \
              makes for Gateways. Else `pod-security.kubernetes.io/enforce=privileged` on the namespace for as long \
              as its pods need it.",
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
    context
        .remade()
        .filter_map(|workload| {
            let (label, level) = levels.get(workload.workload.namespace.as_str())?;
            hit(context, workload, label, *level)
        })
        .collect()
}

fn hit(context: &Context<'_>, workload: &Workload, label: &str, level: Level) -> Option<Hit> {
    let pod = &context.as_injected(workload).spec;
    let has_cni = has_cni(context, workload);
    // What no pod shows is predicted, without its rights.
    let is_seen = |one: &Container| one.security_context.run_as_user.is_some();
    let is_added = |one: &Container| [INIT, VALIDATION, PROXY].contains(&one.name.as_str());
    let stays = |one: &Container| !is_added(one) || is_seen(one) && !(has_cni && one.name == INIT);
    let mut why = violations(level, pod, stays);
    if !has_cni && pod.init_containers.iter().any(|one| one.name == INIT && !is_seen(one)) {
        why.insert(0, format!("{INIT} adds NET_ADMIN, NET_RAW"));
    }
    let namespace = ObjectRef::cluster("Namespace", &workload.workload.namespace);
    let first = why.first()?;
    let detail = format!("{namespace} enforces {label}, and {first}");
    let hit = Hit::new(&workload.workload, detail).because(format!("{namespace} {ENFORCE}={label}"));
    Some(why.iter().take(REASONS_MAX).fold(hit, |hit, one| hit.because(one)))
}

/// True where the injector of its next pod leaves redirection to istio-cni.
fn has_cni(context: &Context<'_>, workload: &Workload) -> bool {
    let revision = workload.on_restart.revision.as_ref().and_then(|name| context.mesh.revisions.get(name));
    let values = revision.and_then(|revision| revision.values.as_ref());
    values.and_then(|values| values.pointer("/pilot/cni/enabled")?.as_bool()).unwrap_or(false)
}
