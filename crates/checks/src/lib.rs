//! Checks: from a mesh and an intent to findings. Pure.

pub mod assessment;
mod traffic;

use meshlift_mesh::facts::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::names::IstioVersion;

pub use assessment::{Assessment, Restart};

/// All checks over one mesh, and the traffic verdict of each workload. With a target, also what that
/// version changes for this mesh. Pure: the same input gives the same findings in the same order.
pub fn assess(mesh: &Mesh, _intent: &Intent, _target: Option<&IstioVersion>) -> Assessment {
    let judged = traffic::judge_all(mesh);
    let workloads = judged.into_iter().map(|(reference, judged)| (reference, judged.restart)).collect();
    Assessment { findings: Vec::new(), workloads }
}
