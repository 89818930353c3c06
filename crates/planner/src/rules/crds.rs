//! CRDs of the new version: before its istiod, and never back.

use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::plan::{Gate, Layer, Stage, StepUndo};

use super::draft::Draft;
use crate::situation::{ControlPlane, Situation};
use crate::times::CRDS_SECONDS;

/// Stands for the digest of a manifest that nobody gave: nothing can be applied with it.
pub(super) const NO_MANIFEST: &str = "not given";

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    if !super::control_plane::is_wanted(draft) {
        return match draft.situation.control_plane {
            ControlPlane::Installed => format!("{} runs already, its CRDs with it", draft.situation.revision),
            ControlPlane::Missing | ControlPlane::Half { .. } => {
                "nothing can move to the new revision yet".to_owned()
            }
        };
    }
    let target = &draft.situation.target;
    let mut step = draft.step("crds", Stage::Crds, Layer::Crds, format!("CRDs of {target}"));
    step.reason = "the new istiod watches what they define; the old one reads them as well".to_owned();
    step.actions = vec![Action {
        phase: 0,
        kind: ActionKind::ApplyCrds {
            manifest_digest: manifest_digest(draft.situation),
            names: names(draft.situation),
        },
        preconditions: old_ready(draft.situation),
    }];
    step.gates = vec![Gate::NothingMoved, Gate::NoNewFindings];
    step.undo = StepUndo::ForwardOnly {
        why: "the old istiod reads them too; removing or downgrading a CRD can lose what people wrote"
            .to_owned(),
    };
    step.expected_seconds = CRDS_SECONDS;
    draft.push(step);
    format!("{target} is not installed yet")
}

pub(super) fn manifest_digest(situation: &Situation<'_>) -> String {
    situation.manifest.map_or(NO_MANIFEST.to_owned(), |manifest| manifest.digest.clone())
}

/// Istio's own CRDs of the manifest; those of the Gateway API are never written.
fn names(situation: &Situation<'_>) -> Vec<String> {
    let crds = situation.manifest.map_or(&[][..], |manifest| manifest.objects.crds.as_slice());
    let own = crds.iter().filter(|crd| crd.spec.group.ends_with(".istio.io"));
    let mut names: Vec<String> = own.map(|crd| crd.metadata.name.clone()).collect();
    names.sort();
    names
}

/// The old control plane is healthy: rollback rests on it.
pub(super) fn old_ready(situation: &Situation<'_>) -> Vec<Precondition> {
    let ready =
        situation.mesh.revisions.values().filter(|one| situation.old.contains(&one.name) && one.ready > 0);
    ready.map(|one| Precondition::RevisionReady { revision: one.name.clone() }).collect()
}
