//! ML3006: a gateway or waypoint that runs, or may run, one pod, without a budget.

use meshlift_mesh::facts::{GatewayFacts, GatewayKind};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Deployment, HorizontalPodAutoscaler, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// What to do where no istiod writes the Deployment.
const OWN_CHART: &str = "gateway chart: autoscaling.minReplicas=2 (or replicaCount=2 without autoscaling), then \
                         podDisruptionBudget.maxUnavailable=1; `helm upgrade --version RUNNING --reuse-values \
                         --set` for both; made by istioctl: see the fix";

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
        why: "istiod makes its Deployments with one replica, the default strategy and no PodDisruptionBudget, and \
              the gateway chart starts with an autoscaler that goes down to one and without a budget. When the pod \
              is replaced, all its traffic meets one pod that goes; when its node is drained, nothing holds the \
              drain back.",
        see: "`kubectl get deploy,hpa,pdb -n NAMESPACE`: READY 1/1 or MINPODS 1, and no budget for its pods.",
        fix: "A Gateway or waypoint of istiod's making: set replicas and a PodDisruptionBudget by a ConfigMap that \
              `parametersRef` names. A gateway of the gateway chart: `helm upgrade RELEASE istio/gateway -n \
              NAMESPACE --version RUNNING --reuse-values --set autoscaling.minReplicas=2 --set \
              podDisruptionBudget.maxUnavailable=1`, with `replicaCount=2` where autoscaling is off. RUNNING is the \
              chart's version that `helm list -n NAMESPACE` names: without `--version` helm takes the newest chart, \
              and the gateway's pods restart. One made by istioctl: `--set \
              values.gateways.istio-ingressgateway.autoscaleMin=2`, which renders the budget too; `k8s.hpaSpec` does \
              not, as it is applied after rendering. Two replicas come first: a budget of minAvailable 1 over one \
              pod blocks every drain.",
        sources: &[
            "https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment",
            "https://github.com/istio/istio/blob/master/manifests/charts/gateway/values.yaml",
        ],
    },
    needs: &[
        WORKLOADS,
        &[
            "poddisruptionbudgets.policy",
            "horizontalpodautoscalers.autoscaling",
            "gateways.gateway.networking.k8s.io",
        ],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.mesh.gateways.iter().filter_map(|gateway| hit(context, gateway)).collect()
}

fn hit(context: &Context<'_>, gateway: &GatewayFacts) -> Option<Hit> {
    let deployment = gateway.deployment.as_ref().filter(|workload| workload.kind == Deployment::KIND)?;
    if gateway.replicas == 0 || !gateway.budgets.is_empty() {
        return None;
    }
    let workload = context.mesh.workloads.get(deployment);
    let scaled = workload.and_then(|workload| workload.autoscaler.as_ref());
    let least = scaled.and_then(|name| context.object::<HorizontalPodAutoscaler>(name));
    let least = least.map(|one| one.spec.min_replicas.unwrap_or(1));
    if least.unwrap_or(gateway.replicas) > 1 {
        return None;
    }
    let (name, now) = (&gateway.gateway, gateway.replicas);
    let words =
        if now == 1 { "one replica".to_owned() } else { format!("{now} replicas that may become one") };
    let hit = Hit::new(name, format!("{words}, no PodDisruptionBudget"));
    let hit = hit.because(format!("{name} has {now} replica{}", if now == 1 { "" } else { "s" }));
    let hit = scaled
        .zip(least)
        .into_iter()
        .fold(hit, |hit, (name, least)| hit.because(format!("{name} spec.minReplicas={least}")));
    Some(match gateway.kind {
        GatewayKind::Managed | GatewayKind::Waypoint => hit,
        GatewayKind::Injected | GatewayKind::Rendered => hit.hint(OWN_CHART),
    })
}
