//! ML5017: what former revisions left behind.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Names of EnvoyFilters that former versions installed.
const MADE: [&str; 4] = ["stats-filter", "tcp-stats-filter", "metadata-exchange", "tcp-metadata-exchange"];
/// The webhook that checks configuration for the default revision.
const VALIDATOR: &str = "istiod-default-validator";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5017",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "A former revision left this behind",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "remove it once nothing is left on the version that it was made for",
        why: "Uninstalling a revision leaves some objects: EnvoyFilters that only former versions read, and the \
              default validator, which calls whatever istiod was the default. They cost little until a webhook \
              without an istiod refuses every change of Istio's configuration.",
        see: "`kubectl get envoyfilter -n istio-system`; `kubectl get validatingwebhookconfiguration \
              istiod-default-validator -o yaml`.",
        fix: "An EnvoyFilter: `kubectl delete envoyfilter NAME -n istio-system`. The validator: where a default is \
              wanted, do not delete it: `istioctl tag set default --revision REV` writes it anew for REV. Only where \
              no default is wanted: `kubectl delete validatingwebhookconfiguration istiod-default-validator`.",
        sources: &[
            "https://github.com/istio/istio/issues/28854",
            "https://github.com/istio/istio/issues/60537",
        ],
    },
    needs: &[
        WORKLOADS,
        &["envoyfilters.networking.istio.io", "validatingwebhookconfigurations.admissionregistration.k8s.io"],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let system = &context.mesh.system_namespaces;
    let filters =
        context.objects().envoy_filters.iter().filter(|one| system.contains(&one.metadata.namespace));
    let stale = filters.filter(|one| made_for(&one.metadata.name).is_some_and(|minor| !runs(context, minor)));
    let stale = stale.map(|one| Hit::new(&one.object_ref(), "no istiod of its version is here any more"));
    let validators =
        context.objects().validating_webhooks.iter().filter(|one| one.metadata.name == VALIDATOR);
    let has_default = context.mesh.tags.keys().any(|tag| tag.as_str() == "default")
        || context.mesh.revisions.keys().any(|revision| revision.as_str() == "default")
        || context.mesh.default_revision.as_ref().is_some_and(|one| context.mesh.revisions.contains_key(one));
    let orphans = validators.filter(|_| !has_default).map(|one| {
        Hit::new(&one.object_ref(), "there is neither a tag nor a revision `default` for which it speaks")
    });
    stale.chain(orphans).collect()
}

/// Minor version of `stats-filter-1.13`, which former versions made.
fn made_for(name: &str) -> Option<u32> {
    let rest = MADE.iter().find_map(|start| name.strip_prefix(start))?;
    rest.strip_prefix("-1.")?.split('-').next()?.parse().ok()
}

fn runs(context: &Context<'_>, minor: u32) -> bool {
    context
        .mesh
        .revisions
        .values()
        .filter_map(|one| one.version.as_ref())
        .any(|version| version.minor == minor)
}
