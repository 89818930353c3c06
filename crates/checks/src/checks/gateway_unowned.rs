//! ML3008: a Gateway that no control plane owns.

use meshlift_mesh::facts::{Follows, GatewayKind};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3008",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "No control plane owns this Gateway",
        severity: Severity::Warn,
        consequence: Consequence::Unserved,
        offers: &[],
        may_accept_unknown: true,
        hint: "point its istio.io/rev at a tag or revision that exists",
        why: "Its label names a control plane that does not exist: nobody makes its Deployment or keeps it up \
              to date, and it stays `Programmed: Unknown` for ever. No official tool says so.",
        see: "`kubectl get gateway.gateway.networking.k8s.io -A -L istio.io/rev`; condition Programmed.",
        fix: "Correct the label, or remove the Gateway.",
        sources: &["https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/"],
    },
    needs: &[WORKLOADS, &["gateways.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let managed = context.mesh.gateways.iter().filter(|gateway| match gateway.kind {
        GatewayKind::Managed | GatewayKind::Waypoint => true,
        GatewayKind::Injected | GatewayKind::Rendered => false,
    });
    managed
        .filter(|gateway| gateway.owner.is_none())
        .map(|gateway| {
            let detail = match &gateway.follows {
                Follows::Unserved { name } => {
                    format!("its istio.io/rev names {name}, which no control plane is")
                }
                Follows::Tag { tag } => {
                    format!("it follows tag {tag}, behind which there is no control plane")
                }
                Follows::Revision { revision } => format!("revision {revision} has no control plane"),
                Follows::Nothing => "it names no revision, and there is no default one".to_owned(),
            };
            Hit::new(&gateway.gateway, detail)
        })
        .collect()
}
