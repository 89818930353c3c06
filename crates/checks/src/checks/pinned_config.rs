//! ML4004: configuration that only the old revision reads.

use std::collections::BTreeSet;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{ObjectMeta, Objects, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4004",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "Only the old revision reads this configuration",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "remove its label istio.io/rev, or add a copy that is labelled with the new revision before anything moves",
        why: "An istiod reads an object that is labelled istio.io/rev only if the value is its own revision, letter \
              by letter: a tag is not followed. Proxies that move to another revision lose this configuration at \
              the moment in which they move, and nothing reports it.",
        see: "`kubectl get virtualservice,destinationrule,serviceentry,envoyfilter,gateways.networking.istio.io -A -l istio.io/rev`.",
        fix: "Without the label every revision reads it. Where revisions are to differ, keep one object for each, \
              and remove the old one with the old revision.",
        sources: &["https://github.com/istio/istio/blob/release-1.30/pkg/config/model.go"],
    },
    needs: &[
        WORKLOADS,
        &[
            "virtualservices.networking.istio.io",
            "destinationrules.networking.istio.io",
            "serviceentries.networking.istio.io",
            "envoyfilters.networking.istio.io",
            "gateways.networking.istio.io",
            "telemetries.telemetry.istio.io",
            "authorizationpolicies.security.istio.io",
            "requestauthentications.security.istio.io",
            "wasmplugins.extensions.istio.io",
        ],
    ],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let used: BTreeSet<&RevisionName> = context.mesh.used_revisions().map(|revision| &revision.name).collect();
    labelled(context.objects())
        .into_iter()
        .filter_map(|(object, meta)| {
            let revision = RevisionName::new(meta.label(REV_LABEL)?);
            // What nothing uses is seen by nobody who could lose it.
            (used.contains(&revision) && !context.is_target(&revision)).then(|| {
                Hit::new(&object, format!("istiods of other revisions than {revision} do not read it"))
                    .because(format!("{object} has label {REV_LABEL}={revision}"))
            })
        })
        .collect()
}

/// All of Istio's configuration that names a revision, with its metadata.
fn labelled(objects: &Objects) -> Vec<(ObjectRef, &ObjectMeta)> {
    fn add<'a, R: Resource>(objects: &'a [R], all: &mut Vec<(ObjectRef, &'a ObjectMeta)>) {
        let labelled = objects.iter().filter(|object| object.meta().label(REV_LABEL).is_some());
        all.extend(labelled.map(|object| (object.object_ref(), object.meta())));
    }
    let mut all = Vec::new();
    add(&objects.virtual_services, &mut all);
    add(&objects.destination_rules, &mut all);
    add(&objects.service_entries, &mut all);
    add(&objects.envoy_filters, &mut all);
    add(&objects.istio_gateways, &mut all);
    add(&objects.telemetries, &mut all);
    add(&objects.authorization_policies, &mut all);
    add(&objects.request_authentications, &mut all);
    add(&objects.wasm_plugins, &mut all);
    all
}
