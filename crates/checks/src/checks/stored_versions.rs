//! ML0004: objects that may be stored in a version that is gone.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::Context;

/// Groups whose definitions an upgrade touches.
const GROUPS: [&str; 2] = ["istio.io", "gateway.networking.k8s.io"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0004",
        layer: Layer::Crds,
        versions: Versions::Any,
        title: "Objects may be stored in a version that is not served",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "write every object of the kind once more, then take the version out of status.storedVersions",
        why: "The API server refuses a definition that drops a version in which objects were ever stored, and \
              cannot decode those that still are. An upgrade of the definitions then stops in the middle.",
        see: "`kubectl get crd NAME -o jsonpath='{.status.storedVersions} {range \
              .spec.versions[*]}{.name}={.served} {end}'`.",
        fix: "`kubectl get KIND -A -o json | kubectl replace -f -`, then `kubectl patch crd NAME \
              --subresource=status --type=merge -p '{\"status\":{\"storedVersions\":[\"VERSION\"]}}'`, where VERSION is \
              the one that `kubectl get crd NAME -o jsonpath='{.spec.versions[?(@.storage)].name}'` prints.",
        sources: &[
            "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version",
        ],
    },
    needs: &[&["customresourcedefinitions.apiextensions.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let definitions = context.objects().crds.iter();
    let ours = definitions.filter(|one| GROUPS.iter().any(|group| one.spec.group.ends_with(group)));
    ours.filter_map(|one| {
        let is_served =
            |name: &str| one.spec.versions.iter().any(|version| version.name == name && version.served);
        let gone = one.status.stored_versions.iter().find(|name| !is_served(name))?;
        let hit = Hit::new(&one.object_ref(), format!("objects were stored as {gone}, which is not served"));
        Some(hit.because(format!("{} status.storedVersions names {gone}", one.object_ref())))
    })
    .collect()
}
