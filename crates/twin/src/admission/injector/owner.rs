//! Whose pod it is, as istiod sees it (`pkg/kube/controllers` `GetDeployMetaFromPod`).

use meshlift_model::k8s::Pod;

/// The workload behind a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// Name of the workload.
    pub(super) name: String,
    /// `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`.
    pub(super) url: String,
}

/// The workload: the Deployment behind a ReplicaSet and the CronJob behind a Job, by their names.
pub(super) fn of(pod: &Pod) -> Owner {
    let meta = &pod.metadata;
    let (api, kind, name) = match meta.controller() {
        None => ("v1", "Pod", meta.name.clone()),
        Some(owner) => {
            let hash = meta.label("pod-template-hash").map(|hash| format!("-{hash}"));
            let deployment = hash.as_deref().and_then(|hash| owner.name.strip_suffix(hash));
            let cron_job = scheduled(&owner.name);
            match (owner.kind.as_str(), deployment, cron_job) {
                ("ReplicaSet", Some(name), _) => (owner.api_version.as_str(), "Deployment", name.to_owned()),
                ("Job", _, Some(name)) => (owner.api_version.as_str(), "CronJob", name.to_owned()),
                (kind, _, _) => (owner.api_version.as_str(), kind, owner.name.clone()),
            }
        }
    };
    let url = format!(
        "kubernetes://apis/{api}/namespaces/{}/{}s/{name}",
        meta.namespace,
        kind.to_ascii_lowercase()
    );
    Owner { name, url }
}

/// Name of the CronJob behind a Job such as `settle-29012345`: eight to ten digits at the end.
fn scheduled(job: &str) -> Option<&str> {
    let (name, digits) = job.rsplit_once('-')?;
    ((8..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}
