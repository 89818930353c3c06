//! ML4173: namespaces that send what comes from gateways through their waypoint.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, Resource};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::waypoints::waypoint_of;

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
    needs: &[WORKLOADS, SERVICES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    for service in &context.objects().services {
        let meta = &service.metadata;
        // Its own label goes first, and only what has an address goes through a waypoint.
        let has_address = !matches!(service.spec.cluster_ip.as_str(), "" | "None");
        if has_address && meta.label(INGRESS).is_none() && waypoint_of(context, meta).is_some() {
            *changed.entry(&meta.namespace).or_default() += 1;
        }
    }
    let hits = changed.into_iter().filter_map(|(namespace, services)| {
        let reference = ObjectRef::cluster(Namespace::KIND, namespace);
        let word = context.object::<Namespace>(&reference)?.metadata.label(INGRESS)?;
        let detail =
            format!("what gateways send to {services} of its Services begins to go through their waypoint");
        word.eq_ignore_ascii_case("true").then(|| Hit::new(&reference, detail))
    });
    hits.collect()
}
