//! ML5011: an istiod that empties Gateways when they change hands.

use meshlift_mesh::facts::GatewayKind;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

/// First patch of each minor version that has the fix of istio/istio#59959.
const FIXED: &[(u32, u32)] = &[(29, 5), (30, 2)];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5011",
        layer: Layer::ControlPlane,
        versions: Versions::RunningBefore(FIXED),
        title: "Its istiod empties Gateways when they change hands",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "take the newest patch of the old minor version first",
        why: "When a Gateway or its tag moves to another revision, this istiod sends empty configuration to the \
              pods that still hang on it: they answer nothing for half a minute. The fix has to be in the old \
              istiod (istio/istio#59959: 1.29.5, 1.30.2).",
        see: "`istioctl version`, and Gateways whose class istiod manages.",
        fix: "Upgrade the old revision to a patch with the fix before any Gateway, tag or namespace moves.",
        sources: &["https://github.com/istio/istio/issues/59959"],
    },
    needs: &[&["gateways.gateway.networking.k8s.io", "pods", "deployments.apps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for revision in context.mesh.revisions.values() {
        let Some(version) = revision.version.as_ref().filter(|version| CHECK.entry.versions.names(version))
        else {
            continue;
        };
        let owned = context.mesh.gateways.iter().filter(|gateway| match gateway.kind {
            GatewayKind::Managed | GatewayKind::Waypoint => gateway.owner.as_ref() == Some(&revision.name),
            GatewayKind::Injected | GatewayKind::Rendered => false,
        });
        let names: Vec<String> = owned.map(|gateway| gateway.gateway.short()).collect();
        if !names.is_empty() && !context.is_target(&revision.name) {
            let subject = ObjectRef::cluster("Revision", revision.name.as_str());
            let hit = Hit::new(&subject, format!("{version} owns {}", names.join(", ")));
            let can_be_fixed = FIXED.iter().any(|(minor, _)| *minor == version.minor);
            hits.push(if can_be_fixed { hit } else { hit.hint(no_fix(version)) });
        }
    }
    hits
}

/// What is left to do where no patch of the minor version has the fix.
fn no_fix(version: &IstioVersion) -> String {
    let line = version.minor_line();
    format!(
        "no patch of {line} has the fix: freeze each Gateway (ML3007), move one at a time in a quiet hour, and expect half a \
         minute without answers from each"
    )
}
