//! Gateways: what decides their revision, and what a replacement would meet.

use meshlift_mesh::{GatewayFacts, GatewayKind, Mesh};
use meshlift_model::names::ObjectRef;

use super::screen::refs;
use crate::text::{Style, count, hang};
use crate::words;

/// The section; empty without gateways.
pub(super) fn section(mesh: &Mesh, style: Style) -> String {
    if mesh.gateways.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.heading("GATEWAYS"));
    for gateway in &mesh.gateways {
        text.push_str(&hang("  ", &head(gateway)).replacen(
            &gateway.gateway.short(),
            &style.heading(&gateway.gateway.short()),
            1,
        ));
        text.push_str(&hang("     ", &details(mesh, gateway).join(" · ")));
    }
    text
}

fn head(gateway: &GatewayFacts) -> String {
    let ignored = gateway.ignored.as_ref().map_or(String::new(), |ignored| format!(" ({ignored})"));
    let owner = gateway.owner.as_ref().map_or("NOBODY owns it".to_owned(), |owner| format!("now {owner}"));
    let frozen = if gateway.frozen { ", frozen" } else { "" };
    format!(
        "{}: {}, {}{frozen}, follows {}, {owner}{ignored}",
        gateway.gateway.short(),
        count(usize::try_from(gateway.replicas).unwrap_or_default(), "pod"),
        words::gateway(gateway.kind),
        words::follows(&gateway.follows),
    )
}

pub(super) fn details(mesh: &Mesh, gateway: &GatewayFacts) -> Vec<String> {
    let mut parts = Vec::new();
    for (service, kind) in &gateway.services {
        parts.push(format!("{kind} {}", service.name));
    }
    if gateway.services.is_empty() {
        parts.push("no Service".to_owned());
    }
    if gateway.budgets.is_empty() {
        parts.push("no PDB".to_owned());
    } else {
        parts.push(format!("PDB {}", refs(&gateway.budgets)));
    }
    if let Some(grace) = gateway.deployment.as_ref().and_then(|deployment| grace_seconds(mesh, deployment)) {
        parts.push(format!("grace {grace} s"));
    }
    parts.extend(gateway.secrets.iter().map(|(name, there)| match there {
        Some(true) => format!("secret {name}"),
        Some(false) => format!("secret {name}: MISSING"),
        None => format!("secret {name}: not readable"),
    }));
    parts
}

fn grace_seconds(mesh: &Mesh, deployment: &ObjectRef) -> Option<i64> {
    mesh.workloads.get(deployment)?.template.spec.termination_grace_period_seconds
}

/// True for gateways that an upgrade of their revision replaces.
pub(super) fn moves_with_revision(kind: GatewayKind) -> bool {
    match kind {
        GatewayKind::Injected | GatewayKind::Managed | GatewayKind::Waypoint => true,
        GatewayKind::Rendered => false,
    }
}
