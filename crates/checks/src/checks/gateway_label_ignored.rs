//! ML3003: a gateway whose selector has no say.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3003",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway's own selector has no say",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "know that it moves with its namespace; remove the label that has no say",
        why: "The gateway's pods name a tag, but their namespace selects another way and wins. Who moves that \
              tag believes the gateway has moved; who moves the namespace's moves the gateway with it.",
        see: "`kubectl get deploy NAME -n NAMESPACE -o jsonpath='{.spec.template.metadata.labels}'` beside `kubectl \
              get ns -L istio-injection,istio.io/rev`.",
        fix: "Remove the namespace's label, so that the pods decide, or the pods' label.",
        sources: &["https://istio.io/latest/docs/setup/additional-setup/gateway/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ignored =
        context.mesh.gateways.iter().filter_map(|gateway| Some((gateway, gateway.ignored.as_ref()?)));
    ignored
        .map(|(gateway, words)| Hit::new(&gateway.gateway, words.as_str()).because(words.as_str()))
        .collect()
}
