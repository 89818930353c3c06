//! What this version cannot move yet: said by name, so that nothing is moved coarsely in its stead.

use meshlift_mesh::{GatewayFacts, GatewayKind};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::situation::Situation;

/// Gateways, waypoints and node agents that are not where the target is, in words.
pub(super) fn not_built(situation: &Situation<'_>) -> Vec<String> {
    let mut all: Vec<String> =
        situation.mesh.gateways.iter().filter_map(|one| gateway(situation, one)).collect();
    let ambient = &situation.mesh.ambient;
    let agents = ambient.ztunnels.iter().map(|one| ("ztunnel", one));
    let agents = agents.chain(ambient.cni.iter().map(|one| ("istio-cni", one)));
    all.extend(agents.filter_map(|(what, one)| agent(situation, what, one)));
    all
}

fn gateway(situation: &Situation<'_>, facts: &GatewayFacts) -> Option<String> {
    let what = match facts.kind {
        GatewayKind::Injected => return None,
        GatewayKind::Rendered => "gateway that an installer rendered",
        GatewayKind::Managed => "Gateway",
        GatewayKind::Waypoint => "waypoint",
    };
    let named = |reference: &ObjectRef| format!("{what} {}", reference.short());
    if facts.kind == GatewayKind::Rendered {
        let old =
            version_of(situation, facts.deployment.as_ref()?).is_none_or(|found| found < situation.target);
        return old.then(|| named(&facts.gateway));
    }
    let runs_old = facts.running.keys().flatten().any(|revision| situation.is_old(revision));
    let owned = facts.owner.as_ref().is_some_and(|revision| situation.old.contains(revision));
    (runs_old || owned).then(|| named(&facts.gateway))
}

fn agent(situation: &Situation<'_>, what: &str, reference: &ObjectRef) -> Option<String> {
    let version = version_of(situation, reference);
    let old = version.as_ref().is_none_or(|version| *version < situation.target);
    let words = version.map_or("of unknown version".to_owned(), |version| version.to_string());
    old.then(|| format!("{what} {} ({words})", reference.short()))
}

/// Version by image of a workload's containers.
fn version_of(situation: &Situation<'_>, workload: &ObjectRef) -> Option<IstioVersion> {
    let template = situation.template(workload)?;
    let tags = template.spec.containers.iter().filter_map(|container| container.image.rsplit_once(':'));
    tags.filter_map(|(_, tag)| IstioVersion::from_loose(tag)).min()
}
