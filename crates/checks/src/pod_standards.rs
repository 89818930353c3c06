//! Pod Security Standards: what a level refuses of a pod
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>, k8s.io/pod-security-admission/policy).
//!
//! Not judged, as it is not read: sysctls, SELinux, AppArmor, procMount, hosts of probes, Windows, and volumes of other
//! kinds than hostPath.

use meshlift_model::k8s::{Container, PodSpec, SeccompProfile};

/// Capabilities that level baseline lets a container add.
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// The one that level restricted lets it add.
const RESTRICTED: [&str; 1] = ["NET_BIND_SERVICE"];

/// Seccomp profile that every level refuses.
const UNCONFINED: &str = "Unconfined";

/// A level that refuses anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Baseline,
    Restricted,
}

impl Level {
    /// By the value of a label.
    pub(crate) fn of(label: &str) -> Option<Self> {
        match label {
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

/// Why the level refuses the pod, each in one sentence; none where it does not. Some of its containers may not count.
pub(crate) fn violations(level: Level, pod: &PodSpec, counts: impl Fn(&Container) -> bool) -> Vec<String> {
    let mut found: Vec<String> = of_pod(level, pod).into_iter().map(str::to_owned).collect();
    let allowed: &[&str] = if level == Level::Restricted { &RESTRICTED } else { &BASELINE };
    for container in pod.all_containers().filter(|container| counts(container)) {
        let own = &container.security_context;
        let name = &container.name;
        if own.privileged == Some(true) {
            found.push(format!("{name} is privileged"));
        }
        let added = own.capabilities.iter().flat_map(|one| &one.add).map(String::as_str);
        let beyond: Vec<&str> = added.filter(|one| !allowed.contains(one)).collect();
        if !beyond.is_empty() {
            found.push(format!("{name} adds {}", beyond.join(", ")));
        }
        if seccomp(&own.seccomp_profile) == Some(UNCONFINED) {
            found.push(format!("{name} has the seccomp profile {UNCONFINED}"));
        }
        if level == Level::Restricted {
            found.extend(unrestricted(container, pod).into_iter().map(|why| format!("{name} {why}")));
        }
    }
    found
}

/// What a pod says for all of its containers is judged even where each says something else.
fn of_pod(level: Level, pod: &PodSpec) -> Vec<&'static str> {
    let own = &pod.security_context;
    // Users of its own may have root among them (Kubernetes 1.35).
    let asks_users = level == Level::Restricted && shares_users(pod);
    let takes_port = pod.all_containers().flat_map(|one| &one.ports).any(|port| port.host_port != 0);
    let uses = [
        (pod.host_network, "it is on its node's network"),
        (pod.host_pid, "it sees its node's processes"),
        (pod.host_ipc, "it shares memory with its node's processes"),
        (pod.volumes.iter().any(|volume| volume.host_path.is_some()), "it mounts a hostPath"),
        (!pod.host_network && takes_port, "it takes a port of its node"),
        (seccomp(&own.seccomp_profile) == Some(UNCONFINED), "it has the seccomp profile Unconfined"),
        (asks_users && own.run_as_user == Some(0), "it runs as user 0"),
        (asks_users && own.run_as_non_root == Some(false), "it says runAsNonRoot: false"),
    ];
    uses.into_iter().filter(|(uses, _)| *uses).map(|(_, why)| why).collect()
}

/// True unless the pod has users of its own.
fn shares_users(pod: &PodSpec) -> bool {
    pod.host_users != Some(false)
}

/// What level restricted demands of a container that has to be said.
fn unrestricted(container: &Container, pod: &PodSpec) -> Vec<&'static str> {
    let own = &container.security_context;
    let whole = own.within(&pod.security_context);
    let drops = own.capabilities.iter().flat_map(|one| &one.drop).any(|one| one == "ALL");
    let demands = [
        (own.allow_privilege_escalation != Some(false), "lacks allowPrivilegeEscalation: false"),
        (!drops, "does not drop capabilities ALL"),
        (shares_users(pod) && whole.run_as_non_root != Some(true), "lacks runAsNonRoot: true"),
        (shares_users(pod) && own.run_as_user == Some(0), "runs as user 0"),
        (whole.seccomp_profile.is_none(), "has no seccomp profile"),
    ];
    demands.into_iter().filter(|(lacks, _)| *lacks).map(|(_, why)| why).collect()
}

fn seccomp(profile: &Option<Box<SeccompProfile>>) -> Option<&str> {
    profile.as_deref().map(|profile| profile.type_.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a level says of a pod with one container, from JSON.
    fn judged(level: Level, pod: &str, container: &str) -> Vec<String> {
        let spec = format!(r#"{{"containers": [{{"name": "app", {container}}}], {pod}}}"#);
        violations(level, &serde_json::from_str(&spec).expect("a pod"), |_| true)
    }

    #[test]
    fn baseline_refuses_the_rights_of_the_node() {
        let baseline = |pod: &str, container: &str| judged(Level::Baseline, pod, container);
        let context = |words: &str| format!(r#""securityContext": {{{words}}}"#);
        assert!(baseline(r#""hostNetwork": false"#, &context("")).is_empty());
        assert_eq!(baseline(r#""hostPID": true"#, &context("")), ["it sees its node's processes"]);
        assert_eq!(
            baseline(r#""volumes": [{"name": "v", "hostPath": {"path": "/"}}]"#, &context("")),
            ["it mounts a hostPath"]
        );
        let none = r#""hostNetwork": false"#;
        assert_eq!(
            baseline(none, r#""ports": [{"containerPort": 1, "hostPort": 1}]"#),
            ["it takes a port of its node"]
        );
        assert_eq!(baseline(none, &context(r#""privileged": true"#)), ["app is privileged"]);
        let adds = |one: &str| baseline(none, &context(&format!(r#""capabilities": {{"add": ["{one}"]}}"#)));
        assert_eq!(adds("NET_ADMIN"), ["app adds NET_ADMIN"]);
        assert!(adds("CHOWN").is_empty());
        let unconfined = r#""seccompProfile": {"type": "Unconfined"}"#;
        assert_eq!(baseline(&context(unconfined), &context("")), ["it has the seccomp profile Unconfined"]);
    }

    #[test]
    fn restricted_demands_that_it_is_said() {
        let pod =
            r#""securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "runAsNonRoot": true}"#;
        let restricted = |pod: &str, more: &str| {
            let own = r#""allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}"#;
            judged(Level::Restricted, pod, &format!(r#""securityContext": {{{own}{more}}}"#))
        };
        assert!(restricted(pod, "").is_empty());
        assert_eq!(restricted(pod, r#", "runAsUser": 0"#), ["app runs as user 0"]);
        assert_eq!(restricted(pod, r#", "runAsNonRoot": false"#), ["app lacks runAsNonRoot: true"]);
        let root = r#""securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 0}"#;
        let others = r#", "runAsNonRoot": true, "runAsUser": 7"#;
        assert_eq!(restricted(root, others), ["it runs as user 0"]);
        assert!(restricted(&format!(r#"{root}, "hostUsers": false"#), "").is_empty());
        let bare = r#""hostNetwork": false"#;
        assert_eq!(restricted(bare, ""), ["app lacks runAsNonRoot: true", "app has no seccomp profile"]);
        assert_eq!(
            judged(Level::Restricted, pod, r#""image": "app""#),
            ["app lacks allowPrivilegeEscalation: false", "app does not drop capabilities ALL"]
        );
    }
}
