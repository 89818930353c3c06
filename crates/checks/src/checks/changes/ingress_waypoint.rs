//! ML4173: namespaces that send what comes from gateways through their waypoint.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::waypoints::USES;

/// Label by which gateways go through the waypoint.
const INGRESS: &str = "istio.io/ingress-use-waypoint";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4173",
        layer: Layer::Ambient,
        versions: Versions::Since(25),
        title: "Requests from gateways begin to go through the waypoint",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the waypoint carries them, and that its policies and routes let them pass",
        why: "Label istio.io/ingress-use-waypoint counts on a Service, and from 1.25 on on its namespace too. Requests that \
              gateways sent straight to the pods go through the waypoint: its policies and routes apply to them, and it \
              carries that much more.",
        see: "`kubectl get ns -L istio.io/ingress-use-waypoint,istio.io/use-waypoint`.",
        fix: "Take the label off the namespace until after the upgrade, and set it on one Service after the other then.",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/change-notes/",
            "https://github.com/istio/istio/blob/1.25.0/pilot/pkg/serviceregistry/kube/controller/ambient/ambientindex.go",
        ],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let namespaces = context.objects().namespaces.iter().filter(|one| {
        let meta = &one.metadata;
        let is_on = meta.label(INGRESS).is_some_and(|word| word.eq_ignore_ascii_case("true"));
        is_on && meta.label(USES).is_some_and(|waypoint| waypoint != "none")
    });
    namespaces
        .map(|one| Hit::new(&one.object_ref(), format!("label {INGRESS} had no effect on it")))
        .collect()
}
