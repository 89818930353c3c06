//! ML1050: an image that may have changed since.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
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
        why: "Its image is `latest`, by name or by default, and is pulled anew for every new pod. Whatever was \
              pushed since its pods were made comes in with the proxy, and is taken for a fault of the upgrade.",
        see: "`kubectl get pods -A -o jsonpath='{range .items[*].spec.containers[*]}{.image}{\"\\n\"}{end}' | grep -E '^[^:@/]+$|/[^:@]+$|:latest$'`, \
              and compare imageID among its pods.",
        fix: "Name the version that runs today. This restarts the workload once: do it before the upgrade.",
        sources: &["https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting"],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context
        .restarted()
        .filter_map(|workload| {
            let images = workload.template.spec.all_containers().map(|container| container.image.as_str());
            // `auto` stands for the proxy, which the injector names.
            let moving: BTreeSet<&str> =
                images.filter(|image| *image != "auto" && is_latest(image)).collect();
            let first = moving.first()?;
            let hit = Hit::new(&workload.workload, format!("{first} is pulled anew for each new pod"));
            Some(moving.iter().fold(hit, |hit, image| hit.because(*image)))
        })
        .collect()
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
