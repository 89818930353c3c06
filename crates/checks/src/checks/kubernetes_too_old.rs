//! ML5009: the target needs a newer Kubernetes.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

/// Least Kubernetes minor version by Istio minor version, as istioctl's precheck has it.
const LEAST: &[(u32, u32)] =
    &[(24, 28), (25, 29), (26, 29), (27, 29), (28, 30), (29, 30), (30, 32), (31, 32)];
/// Newest Kubernetes minor version that an Istio minor version supports, for ML5020 (istio.io:
/// data/compatibility/supportStatus.yml, from which the page of supported releases is made).
const MOST: &[(u32, u32)] = &[(24, 31), (25, 32), (26, 33), (27, 33), (28, 34), (29, 35), (30, 36), (31, 36)];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5009",
        layer: Layer::Kubernetes,
        versions: Versions::Target,
        title: "The target needs a newer Kubernetes",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade Kubernetes first, or choose a target that supports it",
        why: "Each Istio version has a least Kubernetes version: it uses APIs and behaviour that older ones lack.",
        see: "`kubectl version`; `istioctl x precheck` says IST0142.",
        fix: "Upgrade Kubernetes first.",
        sources: &["https://istio.io/latest/docs/releases/supported-releases/"],
    },
    needs: &[&["version"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hit = || {
        let target = context.target?;
        let least = LEAST.iter().find(|(istio, _)| *istio == target.minor).map(|(_, least)| *least)?;
        let version = context.mesh.snapshot.kubernetes_version.as_ref()?;
        (minor(version)? < least).then(|| {
            let subject = ObjectRef::cluster("Cluster", "kubernetes");
            Hit::new(&subject, format!("{version} runs, Istio {} needs 1.{least}", target.minor_line()))
        })
    };
    hit().into_iter().collect()
}

/// The newest Kubernetes minor version that the target supports; `None` where that is not known.
pub(super) fn most(target: &IstioVersion) -> Option<u32> {
    let known = target.major == 1;
    MOST.iter().find(|(istio, _)| known && *istio == target.minor).map(|(_, most)| *most)
}

/// Minor version of `v1.34.4`.
pub(super) fn minor(version: &str) -> Option<u32> {
    let text = version.trim_start_matches('v').split('.').nth(1)?;
    text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}
