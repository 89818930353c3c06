//! ML5025: targets of which nobody here knows what they change.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::NEWEST;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5025",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "What this target changes is not known",
        severity: Severity::Warn,
        consequence: Consequence::Blind,
        offers: &[],
        may_accept_unknown: true,
        hint: "take a newer meshlift, or read the upgrade notes of the versions that it does not know",
        why: "Each release of meshlift knows what the minor versions of Istio change up to one of them, and on the way \
              up alone. Of a newer target, and of one that is older than what runs, no change of behaviour is found.",
        see: "`meshlift versions --to VERSION`; https://istio.io/latest/news/releases lists the versions that there are.",
        fix: "Take a meshlift that knows the target. Where there is none yet, go to the newest version that this one \
              knows, or read the upgrade notes and choose accept-unknown. What was upgraded is taken back by \
              `meshlift rollback`, not by an upgrade to an older version.",
        sources: &["https://istio.io/latest/docs/releases/supported-releases/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    let subject = ObjectRef::cluster("Target", &target.to_string());
    let hit = |detail: String| vec![Hit::new(&subject, detail).unknown()];
    if (target.major, target.minor) > NEWEST {
        return hit(format!("this meshlift knows what versions up to {}.{} change", NEWEST.0, NEWEST.1));
    }
    let newest = context.used_versions().max_by_key(|version| key(version));
    let newest = newest.filter(|newest| key(newest) > key(target));
    newest.map_or_else(Vec::new, |newest| hit(format!("{newest} runs, which is newer")))
}

fn key(version: &IstioVersion) -> (u32, u32, u32) {
    (version.major, version.minor, version.patch)
}
