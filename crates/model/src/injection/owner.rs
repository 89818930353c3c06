//! Whose pod it is, as istiod sees it (`pkg/kube/controllers` `GetDeployMetaFromPod`).

use crate::k8s::{Pod, StringMap};

/// Labels of the canonical service.
pub const CANONICAL_LABELS: [&str; 2] =
    ["service.istio.io/canonical-name", "service.istio.io/canonical-revision"];
/// Longest value of a label.
const LABEL_CHARS_MAX: usize = 63;

/// The workload behind a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name of the workload.
    pub name: String,
    /// `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`.
    pub url: String,
}

impl Owner {
    /// The workload: the Deployment behind a ReplicaSet and the CronJob behind a Job, by their names.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let meta = &pod.metadata;
        let (api, kind, name) = match meta.controller() {
            None => ("v1", "Pod", meta.name.clone()),
            Some(owner) => {
                let hash = meta.label("pod-template-hash").map(|hash| format!("-{hash}"));
                let deployment = hash.as_deref().and_then(|hash| owner.name.strip_suffix(hash));
                let cron_job = scheduled(&owner.name);
                match (owner.kind.as_str(), deployment, cron_job) {
                    ("ReplicaSet", Some(name), _) => {
                        (owner.api_version.as_str(), "Deployment", name.to_owned())
                    }
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
        Self { name, url }
    }
}

/// Name of the CronJob behind a Job such as `settle-29012345`: eight to ten digits at the end.
fn scheduled(job: &str) -> Option<&str> {
    let (name, digits) = job.rsplit_once('-')?;
    ((8..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

/// The canonical service of a pod: what it says itself, else by its labels, else by its owner.
#[must_use]
pub fn canonical_labels(pod: &Pod, owner: &Owner) -> StringMap {
    let label = |keys: [&str; 3], default: &str| -> String {
        let value = keys.iter().find_map(|key| pod.metadata.label(key)).unwrap_or(default);
        let cut: String = value.chars().take(LABEL_CHARS_MAX).collect();
        cut.trim_end_matches('-').to_owned()
    };
    let [name, revision] = CANONICAL_LABELS;
    StringMap::from([
        (name.to_owned(), label([name, "app.kubernetes.io/name", "app"], &owner.name)),
        (revision.to_owned(), label([revision, "app.kubernetes.io/version", "version"], "latest")),
    ])
}
