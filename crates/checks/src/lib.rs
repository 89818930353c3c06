//! Checks: from a mesh and an intent to findings. Pure.
//!
//! Each check is a file under `checks/`: its entry of the catalogue, the sources it needs, a function. A
//! check whose source was not read says so; it never passes.

pub mod assessment;
pub mod catalogue;
mod check;
mod checks;
mod choice;
mod configuration;
mod context;
mod entry;
mod flags;
mod go_bool;
mod lists;
mod new_rules;
mod nodes;
mod pod_standards;
mod proxies;
mod routes;
mod schema;
mod traffic;
mod waypoints;

/// Major and minor number of the newest version whose changes are known: see ML5025.
pub const NEWEST: (u32, u32) = (1, 31);

use meshlift_mesh::facts::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::manifest::Schemas;
use meshlift_model::names::IstioVersion;

pub use assessment::{Assessment, NotRun, Restart};
pub use catalogue::explain;
pub use choice::{offered, refused_because};
pub use entry::Layer;

use checks::CHECKS;
use context::{Context, Definitions};

/// All checks over one mesh, and the traffic verdict of each workload. With a target, also what that
/// version changes for this mesh. Pure: the same input gives the same findings in the same order: worst
/// consequence first, then by subject and code.
pub fn assess(mesh: &Mesh, intent: &Intent, target: Option<&IstioVersion>) -> Assessment {
    judge(Context::new(mesh, intent, target))
}

/// As [`assess`], and every object of Istio's kinds is held against the schemas of the target's definitions; without
/// them, that is not known.
pub fn assess_against(
    mesh: &Mesh,
    intent: &Intent,
    target: &IstioVersion,
    schemas: Option<&Schemas>,
) -> Assessment {
    let mut context = Context::new(mesh, intent, Some(target));
    context.definitions = schemas.map_or(Definitions::NotKnown, Definitions::Known);
    judge(context)
}

fn judge(context: Context<'_>) -> Assessment {
    let findings = check::run(CHECKS, &context);
    let not_run =
        CHECKS.iter().filter_map(|check| Some((check.entry.code, check.not_run(&context)?))).collect();
    let workloads =
        context.judged.into_iter().map(|(reference, judged)| (reference, judged.restart)).collect();
    Assessment { findings, workloads, not_run }
}
