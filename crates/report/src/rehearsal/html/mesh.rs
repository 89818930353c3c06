//! The mesh that the rehearsal began with, as `inspect` heads it.

use std::collections::BTreeMap;

use meshlift_mesh::{Follower, Follows, GatewayFacts, Mesh, Revision};

use crate::inspect::{by, is_needed, summary, verdicts};
use crate::page::markup::{Markup, el};
use crate::page::parts::{Column, code, facts, list, section, table};
use crate::rehearsal::Rehearsal;
use crate::text::{count, fold_names};
use crate::words;

/// The section.
pub(super) fn mesh(rehearsal: &Rehearsal<'_>) -> Markup {
    let mesh = rehearsal.mesh;
    let critical: Vec<&str> = (mesh.snapshot.objects.namespaces.iter())
        .filter(|namespace| rehearsal.plan.intent.slo_critical.covers(&namespace.metadata))
        .map(|namespace| namespace.metadata.name.as_str())
        .collect();
    let critical = if critical.is_empty() { "none named".to_owned() } else { critical.join(", ") };
    let said = [
        ("A restart is, by rule", verdicts(rehearsal.assessment)),
        ("SLO-critical namespaces", critical),
        ("Ambient", ambient(mesh)),
        ("Not read", not_read(mesh)),
    ];
    let body = list(summary(mesh), "")
        .and(facts(said))
        .and(el("h3", &[], "Control planes"))
        .and(control_planes(mesh))
        .and(el("h3", &[], "Gateways"))
        .and(gateways(mesh))
        .and(el("h3", &[], "Who follows what"))
        .and(followers(mesh));
    section("mesh", "The mesh at the start", body)
}

fn ambient(mesh: &Mesh) -> String {
    let ambient = &mesh.ambient;
    if ambient.namespaces.is_empty() {
        return "no namespace is enrolled".to_owned();
    }
    let names = ambient.namespaces.join(", ");
    let outside = match ambient.not_captured.len() {
        0 => String::new(),
        pods => format!("; {} outside of the mesh", count(pods, "pod")),
    };
    format!("{names}: {} enrolled{outside}", count(ambient.enrolled.len(), "pod"))
}

fn gateways(mesh: &Mesh) -> Markup {
    let columns = [
        Column::Text("Gateway"),
        Column::Text("Made"),
        Column::Text("Follows"),
        Column::Text("Reached by"),
        Column::Figure("Pods"),
    ];
    let row = |gateway: &GatewayFacts| {
        let services = gateway.services.iter().map(|(service, kind)| format!("{kind} {}", service.short()));
        vec![
            code(gateway.gateway.to_string()),
            words::gateway(gateway.kind).into(),
            words::follows(&gateway.follows).into(),
            services.collect::<Vec<_>>().join(", ").into(),
            gateway.replicas.to_string().into(),
        ]
    };
    let rows = table("Gateways", &columns, mesh.gateways.iter().map(row));
    if rows.is_empty() { el("p", &[], "None found.") } else { rows }
}

fn not_read(mesh: &Mesh) -> String {
    let mut parts = Vec::new();
    let silent: Vec<&str> = (mesh.snapshot.sources.iter())
        .filter(|(name, status)| is_needed(name) && !status.is_known())
        .map(|(name, _)| name.as_str())
        .collect();
    if !silent.is_empty() {
        parts.push(silent.join(", "));
    }
    parts.push("traffic metrics (not built yet)".to_owned());
    parts.join("; ")
}

fn control_planes(mesh: &Mesh) -> Markup {
    let columns = [
        Column::Text("Revision"),
        Column::Text("Version"),
        Column::Text("Tags"),
        Column::Figure("istiod ready"),
        Column::Figure("Proxies"),
        Column::Figure("HPA"),
        Column::Text("Root CA until"),
    ];
    let row = |revision: &Revision| {
        let tags: Vec<String> = revision.tags.iter().map(ToString::to_string).collect();
        let until = revision.root_ca_until.map(|until| until.to_string().chars().take(10).collect());
        vec![
            revision.name.to_string().into(),
            revision.version.as_ref().map_or("unknown".to_owned(), ToString::to_string).into(),
            tags.join(", ").into(),
            format!("{} of {}", revision.ready, revision.replicas).into(),
            revision.connected.map_or("not read".to_owned(), |count| count.to_string()).into(),
            revision.autoscaler.map_or("none".to_owned(), |(min, max)| format!("{min}–{max}")).into(),
            until.unwrap_or_else(|| "not read".to_owned()).into(),
        ]
    };
    let rows = table("Revisions of istiod", &columns, mesh.revisions.values().map(row));
    if rows.is_empty() { el("p", &[], "None found.") } else { rows }
}

fn followers(mesh: &Mesh) -> Markup {
    let mut rows: BTreeMap<(&Follows, &str), Vec<&Follower>> = BTreeMap::new();
    for follower in &mesh.followers {
        rows.entry((&follower.follows, by(follower))).or_default().push(follower);
    }
    let columns =
        [Column::Text("Name"), Column::Text("Leads to"), Column::Text("Followers"), Column::Figure("Pods")];
    let row = |((follows, by), followers): ((&Follows, &str), Vec<&Follower>)| {
        let now = match follows {
            Follows::Unserved { .. } | Follows::Nothing => "nothing".to_owned(),
            Follows::Tag { .. } | Follows::Revision { .. } => {
                words::revision(followers.first().and_then(|follower| follower.revision.as_ref()))
            }
        };
        let mut names: Vec<String> = followers.iter().map(|follower| follower.subject.short()).collect();
        names.sort();
        let pods: usize = followers.iter().map(|follower| follower.pods).sum();
        vec![
            format!("{} {by}", words::follows(follows)).trim_end().into(),
            now.into(),
            fold_names(names.iter().map(String::as_str)).join(" ").into(),
            pods.to_string().into(),
        ]
    };
    let rows = table("Tags, revisions and names that are followed", &columns, rows.into_iter().map(row));
    if rows.is_empty() { el("p", &[], "Nothing follows any revision.") } else { rows }
}
