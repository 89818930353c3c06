//! ML4164: PodDisruptionBudgets that Istio's charts do not render any more.

use std::collections::BTreeSet;

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{HorizontalPodAutoscaler, PodDisruptionBudget};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Label, and its value, of everything that Istio's charts render.
const CHARTS: (&str, &str) = ("app.kubernetes.io/part-of", "istio");

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4164",
        layer: Layer::ControlPlane,
        versions: Versions::Since(28),
        title: "The charts leave out its PodDisruptionBudget from now on",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "set autoscaleMin (gateways: autoscaling.minReplicas) to 2, or apply a PodDisruptionBudget of your own",
        why: "From 1.28 on the charts of istiod and of gateways render a PodDisruptionBudget only where at least two pods are \
              sure: autoscaling with a least number above 1, or replicas above 1. The values of today have a least number \
              of 1, so that after the upgrade nothing keeps a drain of nodes from taking all pods at once, however many \
              run. While there is one pod only, its drains end that waited for ever before.",
        see: "`kubectl get pdb -A -l app.kubernetes.io/part-of=istio`, and `kubectl get hpa -A` for the least number.",
        fix: "Chart istiod: `--set autoscaleMin=2` (istioctl: `--set values.pilot.autoscaleMin=2`). Chart gateway: \
              `--set autoscaling.minReplicas=2`. A gateway made by istioctl: `--set \
              values.gateways.istio-ingressgateway.autoscaleMin=2`. Without autoscaling: replicaCount=2. hpaSpec and \
              replicaCount under k8s of an IstioOperator do not count: they are applied after rendering.",
        sources: &[
            "https://github.com/istio/istio/blob/1.27.9/manifests/charts/istio-control/istio-discovery/templates/poddisruptionbudget.yaml",
            "https://github.com/istio/istio/blob/1.28.0/manifests/charts/istio-control/istio-discovery/templates/poddisruptionbudget.yaml",
            "https://github.com/istio/istio/blob/1.28.0/manifests/charts/gateway/templates/poddisruptionbudget.yaml",
        ],
    },
    needs: &[WORKLOADS, &["poddisruptionbudgets.policy", "horizontalpodautoscalers.autoscaling"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    let budgets =
        context.mesh.workloads.values().flat_map(|one| one.budgets.iter().map(move |budget| (one, budget)));
    budgets
        .filter(|(_, budget)| seen.insert(*budget))
        .filter_map(|(one, budget)| hit(context, one, budget))
        .collect()
}

fn hit(context: &Context<'_>, workload: &Workload, budget: &ObjectRef) -> Option<Hit> {
    let (label, charts) = CHARTS;
    let object = context.object::<PodDisruptionBudget>(budget)?;
    let autoscaler =
        workload.autoscaler.as_ref().and_then(|name| context.object::<HorizontalPodAutoscaler>(name));
    let observed = autoscaler.map_or(workload.replicas, |one| one.spec.min_replicas.unwrap_or(1));
    let least = told(context, workload).unwrap_or(observed);
    let rendered = object.metadata.label(label) == Some(charts);
    (rendered && least <= 1).then(|| {
        let place = workload.autoscaler.as_ref().unwrap_or(&workload.workload);
        Hit::new(
            budget,
            format!("{} may have {least} pod, and runs {}", workload.workload, workload.replicas),
        )
        .because(format!("{place} least={least}"))
    })
}

/// What the values of an istiod say of its least number; hpaSpec of an operator and an autoscaler of one's own change the
/// mesh, and not them.
fn told(context: &Context<'_>, workload: &Workload) -> Option<i32> {
    let mut revisions = context.mesh.revisions.values();
    let revision = revisions.find(|one| one.deployment.as_ref() == Some(&workload.workload))?;
    let values = revision.values.as_ref()?;
    let value = |name: &str| values.get("pilot").and_then(|own| own.get(name)).or_else(|| values.get(name));
    let key = if value("autoscaleEnabled")?.as_bool()? { "autoscaleMin" } else { "replicaCount" };
    value(key)?.as_i64().and_then(|number| i32::try_from(number).ok())
}
