//! ML1050: an image that may have changed since.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Container, Node};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1050",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A restart may bring another version of the app",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "let its owner name a fixed tag or a digest before its wave",
        why: "Its image is `latest`, by name or by default, or its pods run different images under one tag: somebody pushes \
              to it. Whatever was pushed since its pods were made comes in with the proxy, and is taken for a fault of the \
              upgrade.",
        see: "`kubectl get pods -A -o jsonpath='{range .items[*].spec.containers[*]}{.image}{\"\\n\"}{end}' | grep -E '^[^:@/]+$|/[^:@]+$|:latest$'`, \
              and compare `.status.containerStatuses[*].imageID` among its pods.",
        fix: "Name the version that runs today. This restarts the workload once: do it before the upgrade.",
        sources: &["https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let mut moving: BTreeMap<&str, String> = BTreeMap::new();
    // `auto` stands for the proxy, which the injector names.
    for container in workload.template.spec.all_containers().filter(|one| one.image != "auto") {
        let image = container.image.as_str();
        if let Some(digests) = digests(context, workload, container) {
            moving.insert(image, format!("{image} is {digests} different images in its pods of today"));
        } else if is_latest(image) {
            moving.entry(image).or_insert_with(|| format!("{image} is pulled anew for each new pod"));
        }
    }
    let detail = moving.values().next()?.clone();
    let hit = Hit::new(&workload.workload, detail);
    Some(moving.keys().fold(hit, |hit, image| hit.because(*image)))
}

/// How many images its pods run under the name that a container's template says, if more than one on nodes of one
/// architecture.
fn digests(context: &Context<'_>, workload: &Workload, container: &Container) -> Option<usize> {
    if container.image.contains('@') {
        return None;
    }
    let states = context.running_pods(workload).iter().flat_map(|(pod, _)| {
        let states = pod.status.container_statuses.iter();
        states.map(|state| (pod.spec.node_name.as_str(), state))
    });
    let of_it = states.filter(|(_, one)| one.name == container.name && one.image_id.contains("@sha256:"));
    let same_name: Vec<_> = of_it.filter(|(_, one)| one.image == container.image).collect();
    let (_, first) = same_name.first()?;
    if same_name.iter().all(|(_, state)| state.image_id == first.image_id) {
        return None;
    }
    let mut by_architecture: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (node, state) in same_name {
        let node = context.named::<Node>("", node);
        let architecture = node.map_or("", |node| node.status.node_info.architecture.as_str());
        by_architecture.entry(architecture).or_default().insert(&state.image_id);
    }
    by_architecture.values().map(BTreeSet::len).max().filter(|most| *most > 1)
}

/// True for `name`, `name:latest`: neither a digest nor another tag.
fn is_latest(image: &str) -> bool {
    if image.is_empty() || image.contains('@') {
        return false;
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

#[cfg(test)]
mod tests {
    use super::is_latest;

    #[test]
    fn tags_and_digests_stay_and_latest_moves() {
        for moving in ["app", "app:latest", "registry:5000/team/app"] {
            assert!(is_latest(moving), "{moving}");
        }
        for fixed in ["app:1", "registry:5000/app:1.2", "app@sha256:00", "app:latest@sha256:00", ""] {
            assert!(!is_latest(fixed), "{fixed}");
        }
    }
}
