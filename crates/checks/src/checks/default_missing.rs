//! ML5019: revisions with names, and none of them is the default.

use meshlift_mesh::facts::{Follows, GatewayKind};
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{StringMap, Webhook};
use meshlift_model::names::{ObjectRef, TagName};
use meshlift_model::tag_objects::DEFAULT_TAG;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::configuration::{CONFIGURATION, configuration};
use crate::context::{Context, WORKLOADS};

/// Objects that the evidence names.
const NAMED: usize = 3;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5019",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "No revision is the default",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "`istioctl tag set default --revision REV`, REV being the revision that runs now",
        why: "There are revisions with names, and neither a tag `default`, nor an istiod without a revision, nor the \
              webhook istiod-default-validator. Then Gateways of the Gateway API without istio.io/rev belong to \
              nobody, Istio's configuration without that label is stored unchecked (a mistake reaches every proxy), \
              and any revision may take the tasks that one istiod does for all, such as writing statuses.",
        see: "`kubectl get mutatingwebhookconfiguration -l istio.io/tag=default`; `kubectl get \
              validatingwebhookconfiguration istiod-default-validator`: both are not there. `kubectl get \
              gateways.gateway.networking.k8s.io -A -l '!istio.io/rev'` lists Gateways that may rely on it.",
        fix: "`kubectl get ns -l istio-injection=enabled` first: these namespaces are injected from then on. Then \
              `istioctl tag set default --revision REV`; with helm `revisionTags={default}` on the istiod release \
              of REV, and `defaultRevision=REV` on istio-base. Where no default is wanted, label every Gateway \
              with istio.io/rev, and let `istioctl analyze` look at configuration before it is applied.",
        sources: &[
            "https://istio.io/latest/docs/setup/upgrade/canary/#default-tag",
            "https://github.com/istio/istio/issues/55392",
            "https://github.com/istio/istio/issues/35690",
        ],
    },
    needs: &[
        WORKLOADS,
        CONFIGURATION,
        &[
            "services",
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
            "gateways.gateway.networking.k8s.io",
        ],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mesh = context.mesh;
    let has_unrevisioned = mesh.revisions.keys().any(|revision| revision.as_str() == DEFAULT_TAG);
    if mesh.default_revision.is_some()
        || mesh.tags.contains_key(&TagName::new(DEFAULT_TAG))
        || has_unrevisioned
    {
        return Vec::new();
    }
    let running: Vec<&str> = mesh
        .revisions
        .values()
        .filter(|one| one.replicas > 0 || one.ready > 0)
        .map(|one| one.name.as_str())
        .collect();
    let relying = relying(context);
    // One revision without a default hurts only who relies on it.
    if running.is_empty() || (running.len() == 1 && relying.is_empty()) {
        return Vec::new();
    }
    let revisions = running.join(", ");
    let subject = ObjectRef::cluster("Tag", DEFAULT_TAG);
    let hit = if relying.is_empty() {
        Hit::new(&subject, format!("revisions {revisions}; nothing relies on a default now"))
            .severity(Severity::Info)
    } else {
        let words: Vec<&str> = relying.iter().map(|(words, _)| words.as_str()).collect();
        Hit::new(&subject, format!("revisions {revisions}; {}", words.join("; ")))
    };
    let hit = hit.because(format!("no webhook configuration has istio.io/tag={DEFAULT_TAG}"));
    let named = relying.into_iter().flat_map(|(_, objects)| objects.into_iter().take(NAMED));
    vec![named.fold(hit, |hit, object| hit.because(format!("{object} has no label {REV_LABEL}")))]
}

/// What relies on a default revision: in words, with the objects.
fn relying(context: &Context<'_>) -> Vec<(String, Vec<ObjectRef>)> {
    let gateways = context.mesh.gateways.iter().filter(|gateway| {
        let is_managed = match gateway.kind {
            GatewayKind::Managed | GatewayKind::Waypoint => true,
            GatewayKind::Injected | GatewayKind::Rendered => false,
        };
        is_managed && gateway.owner.is_none() && gateway.follows == Follows::Nothing
    });
    let gateways: Vec<ObjectRef> = gateways.map(|gateway| gateway.gateway.clone()).collect();
    let unchecked = if is_checked(context) { Vec::new() } else { unlabelled(context) };
    let count = |objects: &[ObjectRef], one: &str, many: &str| match objects.len() {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    let gateways = (count(&gateways, "Gateway belongs to nobody", "Gateways belong to nobody"), gateways);
    let unchecked = (
        count(
            &unchecked,
            "object of Istio's configuration is checked by no istiod when it is changed",
            "objects of Istio's configuration are checked by no istiod when they are changed",
        ),
        unchecked,
    );
    [gateways, unchecked].into_iter().filter(|(_, objects)| !objects.is_empty()).collect()
}

fn unlabelled(context: &Context<'_>) -> Vec<ObjectRef> {
    let all = configuration(context.objects(), |meta| meta.label(REV_LABEL).is_none());
    all.into_iter().map(|(object, _)| object).collect()
}

/// True if some validator of Istio's takes objects that name no revision.
fn is_checked(context: &Context<'_>) -> bool {
    let webhooks = context.objects().validating_webhooks.iter().flat_map(|one| &one.webhooks);
    let mut ours = webhooks.filter(|webhook| webhook.name.ends_with("istio.io"));
    let takes = |webhook: &Webhook| {
        webhook.object_selector.as_ref().is_none_or(|selector| selector.matches(&StringMap::default()))
    };
    ours.any(takes)
}
