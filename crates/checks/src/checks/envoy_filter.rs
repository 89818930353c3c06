//! ML4001: an EnvoyFilter that stops (or starts) matching.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::facts::{Role, Workload};
use meshlift_model::defaults::GATEWAY_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{EnvoyConfigPatch, EnvoyFilter, Gateway, Resource, TargetReference, has_all};
use meshlift_model::names::{IstioVersion, ObjectRef};
use regex_lite::Regex;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// First minor version whose istiod attaches EnvoyFilters by targetRefs.
pub(super) const BY_REFERENCE: u32 = 27;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4001",
        layer: Layer::Configuration,
        versions: Versions::Target,
        title: "An EnvoyFilter applies to other proxy versions only",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "widen proxyVersion if the patch holds for the new version, else choose accept-change",
        why: "`match.proxy.proxyVersion` is a regular expression over the proxy's version. Once the proxy is \
              newer, the patch silently stops (or starts) to apply: a filter, a limit or a header is gone, and \
              nothing reports it.",
        see: "`kubectl get envoyfilter -A -o yaml | grep proxyVersion`; compare `istioctl proxy-config` before and after.",
        fix: "Test the patch against the new version and widen the expression; add a second patch for the new \
              version if it needs another shape.",
        sources: &["https://istio.io/latest/docs/reference/config/networking/envoy-filter/"],
    },
    needs: &[WORKLOADS, &["envoyfilters.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    let patches: Vec<Pinned<'_>> = context.objects().envoy_filters.iter().flat_map(pinned).collect();
    let broken: BTreeMap<ObjectRef, &str> = patches
        .iter()
        .filter(|patch| patch.regex.is_none())
        .map(|patch| (patch.filter.object_ref(), patch.patch.match_.proxy.proxy_version.as_str()))
        .collect();
    let broken = broken.into_iter().map(|(filter, expression)| {
        Hit::new(&filter, format!("proxyVersion {expression} cannot be read")).because(expression).unknown()
    });
    let mut of_namespaces: BTreeMap<&str, Vec<&Pinned<'_>>> = BTreeMap::new();
    for patch in &patches {
        of_namespaces.entry(&patch.filter.metadata.namespace).or_default().push(patch);
    }
    let changed = context.restarted().filter_map(|workload| {
        // The root namespace reaches all.
        let own = std::iter::once(&workload.workload.namespace);
        let system =
            context.mesh.system_namespaces.iter().filter(|name| **name != workload.workload.namespace);
        let near = own.chain(system).filter_map(|name| of_namespaces.get(name.as_str())).flatten().copied();
        hit(context, workload, near, target)
    });
    changed.chain(broken).collect()
}

/// A patch that names proxy versions.
struct Pinned<'a> {
    filter: &'a EnvoyFilter,
    patch: &'a EnvoyConfigPatch,
    /// Absent where the expression cannot be read.
    regex: Option<Regex>,
}

fn pinned(filter: &EnvoyFilter) -> impl Iterator<Item = Pinned<'_>> {
    let patches = filter.spec.config_patches.iter();
    patches.filter(|patch| !patch.match_.proxy.proxy_version.is_empty()).map(move |patch| Pinned {
        filter,
        patch,
        regex: Regex::new(&patch.match_.proxy.proxy_version).ok(),
    })
}

fn hit<'p>(
    context: &Context<'_>,
    workload: &Workload,
    patches: impl Iterator<Item = &'p Pinned<'p>>,
    target: &IstioVersion,
) -> Option<Hit> {
    let reaches = |pinned: &&Pinned<'_>| {
        attaches(context, pinned.filter, workload) && reaches(context, pinned.filter, pinned.patch, workload)
    };
    let mut patches = patches.filter(reaches).peekable();
    patches.peek()?;
    let from = versions(context, workload);
    let target_text = target.to_string();
    let mut changes: BTreeMap<ObjectRef, BTreeSet<String>> = BTreeMap::new();
    for pinned in patches {
        let Some(regex) = &pinned.regex else { continue };
        let then = regex.is_match(&target_text);
        if from.iter().any(|version| regex.is_match(version) != then) {
            let word = if then { "gains" } else { "loses" };
            let what = pinned.patch.apply_to.replace('_', " ").to_lowercase();
            let name = &pinned.patch.patch.value.name;
            let expression = &pinned.patch.match_.proxy.proxy_version;
            let words = format!("{word} {what} {name}").trim_end().to_owned();
            changes.entry(pinned.filter.object_ref()).or_default().insert(format!("{words} ({expression})"));
        }
    }
    if changes.is_empty() {
        return None;
    }
    let words: Vec<String> = changes
        .iter()
        .map(|(filter, what)| {
            let what: Vec<&str> = what.iter().map(String::as_str).collect();
            format!("{} by {filter}", what.join(", "))
        })
        .collect();
    let hit = Hit::new(&workload.workload, format!("at {target} it {}", words.join("; ")));
    Some(changes.keys().fold(hit, |hit, filter| {
        hit.because(format!("{filter} spec.configPatches[].match.proxy.proxyVersion"))
    }))
}

/// Versions that its proxies run now, else what they would be made with.
fn versions(context: &Context<'_>, workload: &Workload) -> BTreeSet<String> {
    let pods = context.running_pods(workload).iter();
    let mut versions: BTreeSet<String> =
        pods.filter_map(|(_, facts)| facts.image_version.as_ref()).map(ToString::to_string).collect();
    if versions.is_empty() {
        let revisions = workload.now.keys().flatten().chain(&workload.on_restart.revision);
        versions
            .extend(revisions.filter_map(|revision| context.version_of(revision)).map(ToString::to_string));
    }
    versions
}

/// True if a patch of its namespace or of the root namespace reaches the workload: by its selector and its context.
pub(super) fn reaches(
    context: &Context<'_>,
    filter: &EnvoyFilter,
    patch: &EnvoyConfigPatch,
    workload: &Workload,
) -> bool {
    let labels = &context.as_injected(workload).metadata.labels;
    let selected =
        filter.spec.workload_selector.as_ref().is_none_or(|selector| has_all(labels, &selector.labels));
    // istiod makes the listeners of a waypoint as those of a sidecar.
    let is_inside = matches!(workload.role, Role::App | Role::Waypoint);
    let side = match patch.match_.context.as_str() {
        "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" => is_inside,
        "GATEWAY" => !is_inside,
        _ => true,
    };
    selected && side
}

/// True if istiod attaches a filter of its namespace or of the root namespace to the workload: from 1.27 on by targetRefs
/// where it has some, and to waypoints by nothing else (istio: pilot/pkg/model/policyattachment.go).
pub(super) fn attaches(context: &Context<'_>, filter: &EnvoyFilter, workload: &Workload) -> bool {
    let mut revisions = workload.now.keys().flatten().chain(&workload.on_restart.revision);
    let is_former = |version: &IstioVersion| version.major == 1 && version.minor < BY_REFERENCE;
    if revisions.any(|revision| context.version_of(revision).is_some_and(is_former)) {
        return true;
    }
    let is_waypoint = workload.role == Role::Waypoint;
    let gateway = context.as_injected(workload).metadata.labels.get(GATEWAY_LABEL);
    let is_near = workload.workload.namespace == filter.metadata.namespace;
    let targets = &filter.spec.target_refs;
    let is_meant = |target: &TargetReference| match target.kind.as_str() {
        Gateway::KIND => is_near && gateway == Some(&target.name),
        // What stands behind a waypoint, or the class of all of them.
        _ => is_waypoint,
    };
    if targets.is_empty() { !is_waypoint } else { targets.iter().any(is_meant) }
}
