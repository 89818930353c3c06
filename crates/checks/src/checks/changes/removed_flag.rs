//! ML4107: settings of istiod that the target does not know.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Variables of istiod, the minor version of 1 that removed each, and what became of it.
const REMOVED: [(&str, u32, &str); 4] = [
    ("ENABLE_AUTO_SNI", 26, "SNI is always set by itself; a DestinationRule's tls.sni decides otherwise"),
    ("METRIC_ROTATION_INTERVAL", 28, "annotation sidecar.istio.io/statsEvictionInterval took its place"),
    ("METRIC_GRACEFUL_DELETION_INTERVAL", 28, "annotation sidecar.istio.io/statsEvictionInterval took its place"),
    ("PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY", 31, "gateways always make a span for each upstream request"),
];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4107",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
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
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(target) = context.target else { return Vec::new() };
    context.mesh.used_revisions().filter_map(|revision| {
        let (version, reference) = (revision.version.as_ref()?, revision.deployment.as_ref()?);
        let gone = REMOVED.iter().filter(|(name, minor, _)| context.crosses(version, *minor) && context.istiod_env(revision, name).is_some());
        let gone: Vec<String> = gone.map(|(name, minor, what)| format!("{name} (1.{minor}: {what})")).collect();
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        let hit = (!gone.is_empty()).then(|| Hit::new(&subject, format!("{target} ignores {}", gone.join("; "))))?;
        Some(gone.iter().fold(hit, |hit, one| hit.because(format!("{reference} env {one}"))))
    })
    .collect()
}
