//! ML4004: configuration that only the old revision reads.

use std::collections::BTreeSet;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::RevisionName;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::configuration::{CONFIGURATION, ROUTING, of_sources};
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
        why: "An istiod reads an object of Istio's kinds, a route or a BackendTLSPolicy, ReferenceGrant or GatewayClass \
              of the Gateway API that is labelled istio.io/rev only if the value is its own revision, letter \
              by letter: a tag is not followed. Proxies that move to another revision lose this configuration at \
              the moment in which they move, and nothing reports it.",
        see: "`kubectl get istio-io,gateway-api -A -l istio.io/rev`: Gateways of gateway.networking.k8s.io follow \
              tags; Gateways of networking.istio.io and all else do not.",
        fix: "Without the label every revision reads it. Where revisions are to differ, keep one object for each, \
              and remove the old one with the old revision.",
        sources: &[
            "https://github.com/istio/istio/blob/release-1.30/pkg/config/model.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/config/kube/gateway/controller.go#L463",
        ],
    },
    needs: &[WORKLOADS, CONFIGURATION, ROUTING],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let used: BTreeSet<&RevisionName> =
        context.mesh.used_revisions().map(|revision| &revision.name).collect();
    of_sources(&[CONFIGURATION, ROUTING].concat(), context.objects(), |meta| meta.label(REV_LABEL).is_some())
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
