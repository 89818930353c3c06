//! ML4121: gateways in ambient namespaces.

use std::collections::BTreeSet;

use meshlift_mesh::facts::Role;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4121",
        layer: Layer::Ambient,
        versions: Versions::Since(25),
        title: "A gateway leaves the ambient mesh with its restart",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "label the gateway istio.io/dataplane-mode=ambient where it must stay behind ztunnel",
        why: "From 1.25 on Istio's own gateways are labelled istio.io/dataplane-mode=none. One in an ambient \
              namespace was captured by ztunnel until then; its new pods are not, and talk to everything on their \
              own.",
        see: "`kubectl get pods -A -l istio.io/dataplane-mode=none`, before and after.",
        fix: "Nothing to do as a rule: a gateway speaks mTLS by itself. Policies that name what ztunnel made of it \
              need a look.",
        sources: &["https://istio.io/latest/news/releases/1.25.x/announcing-1.25/change-notes/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let enrolled: BTreeSet<&ObjectRef> = context.mesh.ambient.enrolled.iter().collect();
    let gateways = context
        .restarted()
        .filter(|workload| matches!(workload.role, Role::InjectedGateway | Role::ManagedGateway));
    gateways
        .filter_map(|gateway| {
            let pods = gateway.pods.iter().filter(|pod| enrolled.contains(pod)).count();
            let detail = format!("{pods} of its pods are captured by ztunnel; new ones will not be");
            (pods > 0).then(|| Hit::new(&gateway.workload, detail))
        })
        .collect()
}
