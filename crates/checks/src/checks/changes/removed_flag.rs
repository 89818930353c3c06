//! ML4107: settings of istiod that the target does not know.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// A variable of istiod that a version removed.
struct Removed {
    name: &'static str,
    /// The minor version of 1 that does not know it.
    minor: u32,
    /// The value that it had by itself: who set that loses nothing.
    default: &'static str,
    what: &'static str,
}

const fn removed(minor: u32, name: &'static str, default: &'static str, what: &'static str) -> Removed {
    Removed { name, minor, default, what }
}

const BY_503: &str =
    "retries always leave out answers of 503 that are not known to be safe: say it in retryOn";
const BY_ANNOTATION: &str = "annotation sidecar.istio.io/statsEvictionInterval took its place";

/// By version (istio: `env.Register` of `pilot/pkg/features`, tag by tag).
const REMOVED: [Removed; 15] = [
    removed(24, "VERIFY_CERTIFICATE_AT_CLIENT", "true", "certificates of servers are always verified"),
    removed(24, "ENABLE_EXTERNAL_NAME_ALIAS", "true", "an ExternalName is always an alias of its host"),
    removed(
        24,
        "PERSIST_OLDEST_FIRST_HEURISTIC_FOR_VIRTUAL_SERVICE_HOST_MATCHING",
        "false",
        "the most specific host wins",
    ),
    removed(
        25,
        "ENABLE_ENHANCED_RESOURCE_SCOPING",
        "true",
        "discoverySelectors always limit configuration too",
    ),
    removed(
        25,
        "ENABLE_RESOLUTION_NONE_TARGET_PORT",
        "true",
        "targetPort always counts with resolution NONE",
    ),
    removed(
        26,
        "ENABLE_AUTO_SNI",
        "true",
        "SNI is always set by itself; a DestinationRule's tls.sni decides otherwise",
    ),
    removed(
        26,
        "ENABLE_DEFERRED_CLUSTER_CREATION",
        "true",
        "clusters are always made with their first request",
    ),
    removed(26, "ENABLE_DELIMITED_STATS_TAG_REGEX", "true", "tags of metrics are always read the new way"),
    removed(27, "EXCLUDE_UNSAFE_503_FROM_DEFAULT_RETRY", "true", BY_503),
    removed(
        27,
        "ENABLE_INBOUND_RETRY_POLICY",
        "true",
        "requests that were reset before the app had them are always retried",
    ),
    removed(27, "ENABLE_DEFERRED_STATS_CREATION", "true", "metrics are always made when they are first used"),
    removed(
        27,
        "BYPASS_OVERLOAD_MANAGER_FOR_STATIC_LISTENERS",
        "true",
        "probes and metrics always pass limits of connections",
    ),
    removed(28, "METRIC_ROTATION_INTERVAL", "0s", BY_ANNOTATION),
    removed(28, "METRIC_GRACEFUL_DELETION_INTERVAL", "5m", BY_ANNOTATION),
    removed(
        31,
        "PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY",
        "true",
        "gateways always make a span for each upstream request",
    ),
];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4107",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "istiod is told something that the target does not know",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "leave the variable out of the new revision, and set what took its place",
        why: "A variable of istiod that a version has removed is ignored without a word. Whatever it kept as it was \
              changes for each proxy that moves to the new revision.",
        see: "`kubectl get deploy -n istio-system -l app=istiod -o jsonpath='{.items[*].spec.template.spec.containers[*].env}'`.",
        fix: "Find out why it was set. Where the behaviour that it stood for is still needed, set its successor for \
              the new revision before anything moves.",
        sources: &[
            "https://istio.io/latest/news/releases/1.28.x/announcing-1.28/upgrade-notes/",
            "https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

/// True for a variable that a version does not know any more.
pub(in crate::checks) fn is_removed(name: &str, version: &IstioVersion) -> bool {
    REMOVED.iter().any(|one| one.name == name && (version.major, version.minor) >= (1, one.minor))
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    context
        .mesh
        .used_revisions()
        .filter_map(|revision| {
            let (version, reference) = (revision.version.as_ref()?, revision.deployment.as_ref()?);
            let is_set = |one: &&Removed| {
                context.istiod_env(revision, one.name).is_some_and(|value| value != one.default)
            };
            let gone = REMOVED.iter().filter(|one| context.crosses(version, one.minor)).filter(is_set);
            let gone: Vec<String> =
                gone.map(|one| format!("{} (1.{}: {})", one.name, one.minor, one.what)).collect();
            let subject = ObjectRef::cluster("Revision", revision.name.as_str());
            let hit = (!gone.is_empty())
                .then(|| Hit::new(&subject, format!("{target} ignores {}", gone.join("; "))))?;
            Some(gone.iter().fold(hit, |hit, one| hit.because(format!("{reference} env {one}"))))
        })
        .collect()
}
