//! ML4139: who reads the CNI configuration, and is not root.

use std::collections::BTreeSet;

use meshlift_mesh::facts::Role;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{PodSpec, Volume};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Volume of istio-cni with the folder that it writes its configuration to.
const FOLDER: &str = "cni-net-dir";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4139",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 30),
        title: "It cannot read the CNI configuration any longer",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "let it run as root, or set CNI_CONF_GROUP_READ=true for istio-cni and give it group 0",
        why: "From 1.30 on istio-cni writes its configuration file with mode 0600, as the CIS benchmark asks; until then \
              everybody on the node could read it. The container runtime is root and goes on. Who mounts the folder and \
              is not root (an agent that watches or copies the file) gets `permission denied` once istio-cni is \
              upgraded. Where a pod leaves its user to its image, that user is not known, and it is not found.",
        see: "`kubectl get pods -A -o yaml | grep -B3 'path: /etc/cni'`, and `runAsUser` of those pods.",
        fix: "CNI_CONF_GROUP_READ=true for istio-cni makes the file 0640 (istioctl: `--set \
              values.cni.env.CNI_CONF_GROUP_READ=true`; chart cni: `--set env.CNI_CONF_GROUP_READ=true`): its reader \
              then needs group 0 (`supplementalGroups: [0]`).",
        sources: &["https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let agents = context.cni_agents();
    let volumes = agents.flat_map(|agent| agent.spec.template.spec.volumes.iter());
    let folders: BTreeSet<&str> = volumes.filter(|one| one.name == FOLDER).filter_map(path).collect();
    let others = context.mesh.workloads.values().filter(|one| one.role != Role::Cni);
    others
        .filter_map(|workload| {
            let pod = &workload.template.spec;
            let is_read = |path: &&str| folders.iter().any(|folder| reaches(path, folder));
            let read = pod.volumes.iter().filter_map(path).find(is_read)?;
            is_never_root(pod).then(|| {
                Hit::new(&workload.workload, format!("it mounts {read} of its node, and is not root"))
                    .because(format!("{} hostPath: {read}", workload.workload))
            })
        })
        .collect()
}

/// Where on its node a volume is.
pub(super) fn path(volume: &Volume) -> Option<&str> {
    Some(volume.host_path.as_ref()?.path.trim_end_matches('/'))
}

/// True for the folder, what is in it, and the folder around it. Who mounts more than that is after something else.
fn reaches(path: &str, folder: &str) -> bool {
    let is_around = folder.rsplit_once('/').is_some_and(|(around, _)| around == path);
    path == folder || is_around || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// True if its spec says of each container that it is another user than root.
fn is_never_root(pod: &PodSpec) -> bool {
    let mut containers = pod.all_containers();
    containers.all(|container| {
        let who = container.security_context.within(&pod.security_context);
        who.run_as_user.map_or(who.run_as_non_root == Some(true), |user| user != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_mounts_the_whole_node_is_after_something_else() {
        let reaches = |path| reaches(path, "/etc/cni/net.d");
        let meant = ["/etc/cni", "/etc/cni/net.d", "/etc/cni/net.d/10-calico.conflist"];
        assert!(meant.into_iter().all(reaches));
        assert!(!["", "/etc", "/etc/cni/net.d-old", "/etc/cni/other"].into_iter().any(reaches));
    }

    #[test]
    fn a_container_says_who_it_is_before_its_pod_does() {
        let pod = |json: &str| is_never_root(&serde_json::from_str(json).unwrap());
        assert!(pod(r#"{"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "a"}]}"#));
        assert!(!pod(r#"{"securityContext": {"runAsUser": 7},
                "containers": [{"name": "a", "securityContext": {"runAsUser": 0}}]}"#));
        assert!(!pod(r#"{"containers": [{"name": "a", "securityContext": {}}]}"#));
    }
}
