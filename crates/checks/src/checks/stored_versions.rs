//! ML0004: objects that may be stored in a version that is gone.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

/// Groups whose definitions an upgrade touches.
const GROUPS: [&str; 2] = ["istio.io", "gateway.networking.k8s.io"];
/// Definitions of the Gateway API, and a version that a later bundle takes from them.
const TAKEN: [(&str, &str, &str); 2] = [
    ("grpcroutes.gateway.networking.k8s.io", "v1alpha2", "1.2"),
    ("referencegrants.gateway.networking.k8s.io", "v1alpha2", "1.2"),
];

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
              --subresource=status --type=merge -p '{\"status\":{\"storedVersions\":[\"VERSION\"]}}'`, where VERSION \
              is the one that `kubectl get crd NAME -o jsonpath='{.spec.versions[?(@.storage==true)].name}'` prints.",
        sources: &[
            "https://github.com/kubernetes-sigs/gateway-api/releases/tag/v1.2.0",
            "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version",
        ],
    },
    needs: &[&["customresourcedefinitions.apiextensions.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let definitions = context.objects().crds.iter();
    let ours = definitions.filter(|one| GROUPS.iter().any(|group| one.spec.group.ends_with(group)));
    ours.filter_map(|one| {
        let stored = &one.status.stored_versions;
        let is_served =
            |name: &str| one.spec.versions.iter().any(|version| version.name == name && version.served);
        let gone = stored.iter().find(|name| !is_served(name));
        let taken = || stored.iter().find_map(|name| Some((name, taken_with(&one.metadata.name, name)?)));
        let (name, why, hit) = match (gone, taken()) {
            (Some(name), _) => (name, "which is not served".to_owned(), None),
            (None, Some((name, bundle))) => {
                let hint = format!("do it before the Gateway API's bundle {bundle} is applied");
                (name, format!("which the Gateway API's bundle {bundle} takes away"), Some(hint))
            }
            (None, None) => return None,
        };
        let words = format!("objects were stored as {name}, {why}");
        let found = Hit::new(&one.object_ref(), words)
            .because(format!("{} status.storedVersions names {name}", one.object_ref()));
        Some(hit.into_iter().fold(found, |found, hint| found.severity(Severity::Info).hint(hint)))
    })
    .collect()
}

/// The bundle of the Gateway API that takes a version from a definition.
fn taken_with(definition: &str, version: &str) -> Option<&'static str> {
    let taken = TAKEN.iter().find(|(name, old, _)| *name == definition && *old == version);
    taken.map(|(_, _, bundle)| *bundle)
}
