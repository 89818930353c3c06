//! `meshlift inspect`: one screen.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::assessment::Assessment;
use meshlift_mesh::{InstallMethod, Mesh, PodFacts, ProxyKind, Role, RolloutRules, RolloutState, Workload};
use meshlift_model::finding::{Consequence, TrafficVerdict};
use meshlift_model::k8s::KINDS;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::SourceStatus;

use super::{followers, gateways};
use crate::text::{Style, Tone, count, fold_names, hang, hang_at};
use crate::words;

/// What matters most, and what says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SloCritical {
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// What names them: `label tier=slo-critical`, `intent`.
    pub because: String,
}

/// The screen. `assessment` adds the verdicts; `next` are commands, best first.
#[must_use]
pub fn screen(
    mesh: &Mesh,
    assessment: &Assessment,
    slo: &SloCritical,
    next: &[String],
    style: Style,
) -> String {
    let mut text = head(mesh, style);
    text.push_str(&control_plane(mesh, style));
    text.push_str(&followers::section(mesh, style));
    text.push_str(&gateways::section(mesh, style));
    text.push_str(&workloads(mesh, assessment, style));
    text.push_str(&restarts(mesh, style));
    text.push_str(&rollouts(mesh, style));
    if !slo.namespaces.is_empty() {
        let names = slo.namespaces.join(", ");
        text.push_str(&hang("SLO-CRITICAL  ", &format!("{names}   ({})", slo.because)));
    }
    text.push_str(&not_read(mesh, style));
    for (index, command) in next.iter().enumerate() {
        text.push_str(if index == 0 { "next: " } else { "      " });
        text.push_str(command);
        text.push('\n');
    }
    text
}

/// Pods with a proxy that are not finished.
pub(crate) fn proxies(mesh: &Mesh) -> impl Iterator<Item = (&PodFacts, ProxyKind)> {
    mesh.pods.values().filter(|pod| !pod.finished).filter_map(|pod| Some((pod, pod.proxy?)))
}

fn head(mesh: &Mesh, style: Style) -> String {
    let lines: String = summary(mesh).iter().map(|line| hang("       ", line)).collect();
    lines.replacen("       ", &format!("{}   ", style.heading("MESH")), 1)
}

/// The mesh in a few lines: versions, proxies, what they carry, their kinds.
pub(crate) fn summary(mesh: &Mesh) -> Vec<String> {
    let snapshot = &mesh.snapshot;
    let kubernetes =
        snapshot.kubernetes_version.as_deref().map_or("Kubernetes of unknown version".to_owned(), |v| {
            format!("Kubernetes {}", v.trim_start_matches('v'))
        });
    let versions: BTreeSet<String> =
        mesh.revisions.values().filter_map(|r| r.version.as_ref()).map(ToString::to_string).collect();
    let versions = if versions.is_empty() { "none found".to_owned() } else { join(versions) };
    let nodes = count(snapshot.objects.nodes.len(), "node");
    let install = match &mesh.install {
        InstallMethod::Unknown { .. } => "install method unknown".to_owned(),
        InstallMethod::Istioctl { .. } => "istioctl install".to_owned(),
    };
    let mut lines =
        vec![format!("{kubernetes}, {nodes} · Istio {versions} · {} · {install}", data_planes(mesh))];
    let pods: Vec<_> = proxies(mesh).collect();
    let namespaces: BTreeSet<_> = pods.iter().map(|(pod, _)| &pod.pod.namespace).collect();
    let mut carried: BTreeMap<Option<&RevisionName>, usize> = BTreeMap::new();
    for (pod, _) in &pods {
        *carried.entry(pod.revision.as_ref()).or_default() += 1;
    }
    let carried: Vec<String> = carried
        .iter()
        .map(|(revision, n)| format!("{} carry {}", all_or(*n, pods.len()), words::revision(*revision)))
        .chain(connection(&pods))
        .collect();
    lines.push(format!(
        "{} in {} · {}",
        if pods.len() == 1 { "1 proxy".to_owned() } else { format!("{} proxies", pods.len()) },
        count(namespaces.len(), "namespace"),
        carried.join(", "),
    ));
    let mut kinds: BTreeMap<ProxyKind, usize> = BTreeMap::new();
    for (_, kind) in &pods {
        *kinds.entry(*kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {}", words::proxy(*kind))).collect();
    if !kinds.is_empty() {
        lines.push(kinds.join(", "));
    }
    if let InstallMethod::Unknown { reason } = &mesh.install {
        lines.push(format!("install method unknown: {reason}"));
    }
    lines
}

/// What connections say; empty parts are left out.
fn connection(pods: &[(&PodFacts, ProxyKind)]) -> Vec<String> {
    let of = |wanted: fn(&PodFacts) -> bool| pods.iter().filter(|(pod, _)| wanted(pod)).count();
    let unread = of(|pod| !pod.connection_known);
    let connected = of(|pod| pod.connected_to.is_some());
    let synced = of(|pod| pod.connected_to.is_some() && pod.synced);
    let rejected = of(|pod| pod.nack.is_some());
    let mut words = Vec::new();
    if connected > 0 && synced == connected {
        words.push(format!("{} connected and synced", all_or(connected, pods.len())));
    } else if connected > 0 {
        words.push(format!("{} connected, {synced} synced", all_or(connected, pods.len())));
    } else if unread == 0 {
        words.push("none connected".to_owned());
    }
    if rejected > 0 {
        words.push(format!("{rejected} REJECTED their config"));
    }
    if unread > 0 {
        words.push(format!("connections of {} not read", all_or(unread, pods.len())));
    }
    words
}

fn all_or(number: usize, of: usize) -> String {
    if number == of { "all".to_owned() } else { number.to_string() }
}

fn data_planes(mesh: &Mesh) -> &'static str {
    let sidecars = proxies(mesh).any(|(_, kind)| matches!(kind, ProxyKind::Native | ProxyKind::Classic));
    match (sidecars, !mesh.ambient.ztunnels.is_empty()) {
        (true, true) => "sidecar and ambient",
        (false, true) => "ambient",
        (true, false) => "sidecar",
        (false, false) => "no proxies",
    }
}

fn control_plane(mesh: &Mesh, style: Style) -> String {
    let head = format!(
        "{:<15}{:<11}{:<11}{:<6}{:<15}{}",
        "CONTROL PLANE", "istiod", "proxies", "HPA", "root CA until", "validators"
    );
    let mut text = format!("{}\n", style.heading(&head));
    for revision in mesh.revisions.values() {
        let each: Vec<String> = revision
            .istiods
            .iter()
            .map(|pod| mesh.connected.get(pod).copied().flatten().map_or("?".to_owned(), |n| n.to_string()))
            .collect();
        let row = format!(
            "  {:<13}{:<11}{:<11}{:<6}{:<15}{}",
            revision.name,
            format!("{}/{} ready", revision.ready, revision.replicas),
            if each.is_empty() { "none".to_owned() } else { each.join("+") },
            revision.autoscaler.map_or("none".to_owned(), |(min, max)| format!("{min}-{max}")),
            revision.root_ca_until.map_or("not read".to_owned(), |t| t.to_string().chars().take(7).collect()),
            validators(mesh, &revision.name)
        );
        text.push_str(row.trim_end());
        text.push('\n');
        if !revision.missing.is_empty() {
            let missing = style.paint(Tone::Bad, "INCOMPLETE");
            text.push_str(&hang("     INCOMPLETE: it has no ", &revision.missing.join(", ")).replacen(
                "INCOMPLETE",
                &missing,
                1,
            ));
        }
    }
    if mesh.revisions.is_empty() {
        text.push_str("  none found\n");
    }
    text
}

/// Validators that a revision serves: its own, the default one, and what they do when it is gone.
fn validators(mesh: &Mesh, revision: &RevisionName) -> String {
    let rev = |labels: &meshlift_model::k8s::StringMap| {
        labels.get("istio.io/rev").is_some_and(|value| value == revision.as_str())
    };
    let mine: Vec<_> =
        mesh.snapshot.objects.validating_webhooks.iter().filter(|w| rev(&w.metadata.labels)).collect();
    let names: BTreeSet<&str> = mine
        .iter()
        .map(|w| if w.metadata.labels.contains_key("istio.io/tag") { "default" } else { "own" })
        .collect();
    let policies: BTreeSet<&str> =
        mine.iter().flat_map(|w| &w.webhooks).map(|webhook| webhook.failure_policy.as_str()).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    format!("{} ({})", join_with(names, " + "), join_with(policies, "/"))
}

fn workloads(mesh: &Mesh, assessment: &Assessment, style: Style) -> String {
    let injected: Vec<&Workload> = mesh
        .workloads
        .values()
        .filter(|w| matches!(w.role, Role::App | Role::InjectedGateway))
        .filter(|w| w.now.keys().any(Option::is_some) && w.rules != RolloutRules::NextRun)
        .collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in &injected {
        *kinds.entry(&workload.workload.kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, n)| if *kind == "Pod" { count(*n, "bare pod") } else { format!("{n} {kind}") })
        .collect();
    let mut line = format!("{} with a proxy: {}", injected.len(), kinds.join(", "));
    for cron in mesh.workloads.values().filter(|w| w.workload.kind == "CronJob") {
        if cron.on_restart.revision.is_some() {
            line.push_str(&format!(" · CronJob {}", cron.workload.short()));
        }
    }
    let mut text = hang_at("WORKLOADS  ", 2, &line).replacen("WORKLOADS", &style.heading("WORKLOADS"), 1);
    let behaviour: BTreeSet<&ObjectRef> = (assessment.findings.iter())
        .filter(|finding| finding.consequence == Consequence::Behaviour && finding.needs_choice())
        .map(|finding| &finding.subject)
        .collect();
    let mut line = verdicts(assessment);
    if !behaviour.is_empty() {
        line.push_str(&format!(" · and {} behave differently afterwards", behaviour.len()));
    }
    text.push_str(&hang_at("  restarts: ", 4, &line));
    text
}

/// Every workload once: under what waits for a person because of it, else under the verdict of its restart.
pub(crate) fn verdicts(assessment: &Assessment) -> String {
    const HOLDS: [Consequence; 5] = [
        Consequence::Gap,
        Consequence::Stuck,
        Consequence::BelowPdb,
        Consequence::NotReached,
        Consequence::Gateway,
    ];
    let mut held: BTreeMap<Consequence, BTreeSet<&ObjectRef>> = BTreeMap::new();
    for finding in assessment.findings.iter().filter(|finding| finding.needs_choice()) {
        let is_held = held.values().any(|subjects| subjects.contains(&finding.subject));
        let is_known = assessment.workloads.contains_key(&finding.subject);
        if HOLDS.contains(&finding.consequence) && is_known && !is_held {
            held.entry(finding.consequence).or_default().insert(&finding.subject);
        }
    }
    let free = |verdict| {
        let of = assessment.workloads.iter().filter(|(_, restart)| restart.verdict == verdict);
        of.filter(|(workload, _)| !held.values().any(|subjects| subjects.contains(workload))).count()
    };
    let held = |consequence| held.get(&consequence).map_or(0, BTreeSet::len);
    format!(
        "safe {} · exposed {} · gap {} · stuck {} · below PDB {} · not reached {} · gateway {}",
        free(TrafficVerdict::Safe),
        free(TrafficVerdict::Exposed),
        free(TrafficVerdict::Gap) + held(Consequence::Gap),
        held(Consequence::Stuck),
        held(Consequence::BelowPdb),
        held(Consequence::NotReached),
        held(Consequence::Gateway),
    )
}

/// Pods that would carry another revision if they were created again now.
fn restarts(mesh: &Mesh, style: Style) -> String {
    let mut changes: BTreeMap<(String, String), BTreeMap<&str, usize>> = BTreeMap::new();
    for pod in mesh.pods.values().filter(|pod| !pod.finished && carries_injection(pod)) {
        if pod.revision != pod.on_restart.revision {
            let key =
                (words::revision(pod.revision.as_ref()), words::revision(pod.on_restart.revision.as_ref()));
            *changes.entry(key).or_default().entry(&pod.pod.namespace).or_default() += 1;
        }
    }
    if changes.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.heading("CHANGES ON RESTART"));
    for ((from, to), namespaces) in changes {
        let pods: usize = namespaces.values().sum();
        let names = fold_names(namespaces.keys().copied()).join(" ");
        let first = format!("  {from} → {to}  {}: ", count(pods, "pod"));
        text.push_str(&hang(&first, &names));
    }
    text
}

/// True for pods whose revision was decided by injection: apps and injected gateways, with or without proxy.
pub(crate) fn carries_injection(pod: &PodFacts) -> bool {
    match pod.proxy {
        None | Some(ProxyKind::Native | ProxyKind::Classic | ProxyKind::Gateway) => true,
        Some(ProxyKind::ManagedGateway | ProxyKind::Waypoint | ProxyKind::Ztunnel) => false,
    }
}

fn rollouts(mesh: &Mesh, style: Style) -> String {
    let mut text = String::new();
    for workload in mesh.workloads.values() {
        let tone = match &workload.state {
            RolloutState::Settled => continue,
            RolloutState::Running | RolloutState::LeftBehind { .. } => Tone::Warn,
            RolloutState::Stuck { .. } => Tone::Bad,
        };
        let line =
            hang_at(&format!("  {}  ", workload.workload.short()), 4, &words::rollout(&workload.state));
        text.push_str(&style.paint(tone, line.trim_end()));
        text.push('\n');
    }
    if text.is_empty() { text } else { format!("{}\n{text}", style.heading("ROLLOUTS NOT SETTLED")) }
}

/// Sources that say nothing, and single objects that were skipped.
fn not_read(mesh: &Mesh, style: Style) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, status) in mesh.snapshot.sources.iter().filter(|(name, _)| is_needed(name)) {
        match status {
            SourceStatus::Read { .. } | SourceStatus::Absent => {}
            SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => {
                reasons.entry(reason).or_default().push(name);
            }
        }
    }
    let mut parts: Vec<String> =
        reasons.iter().map(|(why, names)| format!("{} ({why})", shown(names))).collect();
    if !mesh.snapshot.problems.is_empty() {
        parts.push(format!("{} skipped as broken", count(mesh.snapshot.problems.len(), "object")));
    }
    parts.push("traffic metrics (not built yet)".to_owned());
    hang("NOT READ   ", &parts.join(" · ")).replacen("NOT READ", &style.heading("NOT READ"), 1)
}

/// True for sources that meshlift reads; a recorder may have asked for more.
pub(crate) fn is_needed(source: &str) -> bool {
    source == "version" || source.starts_with("istiod/") || KINDS.iter().any(|kind| kind.resource == source)
}

/// Names of a list, the first few of many.
fn shown(names: &[&str]) -> String {
    const NAMES_MAX: usize = 4;
    let rest = names.len().saturating_sub(NAMES_MAX);
    let first = names.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(" ");
    if rest == 0 { first } else { format!("{first} and {rest} more") }
}

fn join(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(", ")
}

fn join_with<'a>(texts: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    texts.into_iter().collect::<Vec<_>>().join(separator)
}

/// Services, budgets and other references, as people say them.
pub(crate) fn refs(objects: &[ObjectRef]) -> String {
    objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>().join(" ")
}
