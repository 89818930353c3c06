//! ML3006: a gateway or waypoint of istiod's making with one replica and no budget.

use meshlift_mesh::facts::GatewayKind;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3006",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway or waypoint has one replica and no budget",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "give it two replicas and a budget through spec.infrastructure.parametersRef or class defaults",
        why: "istiod makes its Deployment with one replica, the default strategy and no PodDisruptionBudget. \
              When it is replaced, all its traffic meets one pod that goes; when its node is drained, nothing \
              holds the drain back.",
        see: "`kubectl get deploy,pdb -n NAMESPACE`.",
        fix: "Set replicas and a PodDisruptionBudget by a ConfigMap that `parametersRef` names.",
        sources: &["https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment"],
    },
    needs: &[WORKLOADS, &["poddisruptionbudgets.policy", "gateways.gateway.networking.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let managed = context.mesh.gateways.iter().filter(|gateway| match gateway.kind {
        GatewayKind::Managed | GatewayKind::Waypoint => true,
        GatewayKind::Injected | GatewayKind::Rendered => false,
    });
    managed
        .filter(|gateway| gateway.deployment.is_some() && gateway.replicas == 1 && gateway.budgets.is_empty())
        .map(|gateway| {
            Hit::new(&gateway.gateway, "one replica, no PodDisruptionBudget")
                .because(format!("{} has 1 replica", gateway.gateway))
        })
        .collect()
}
