//! ML6001: a workload that drains longer than its ztunnel.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::DaemonSet;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// A grace so many times ztunnel's own tells that an app means to drain for long: assumption.
const LONG: i64 = 2;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6001",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "It drains longer than ztunnel does",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "raise ztunnel's terminationGracePeriodSeconds above that of the workload, before ztunnel is upgraded",
        why: "When ztunnel is replaced, connections that are older than its drain (its grace minus 5 s) are \
              reset. A workload whose grace period is more than twice ztunnel's tells that its connections live longer.",
        see: "`kubectl get ds ztunnel -n istio-system -o jsonpath='{.spec.template.spec.terminationGracePeriodSeconds}'`.",
        fix: "`helm upgrade ztunnel istio/ztunnel -n istio-system --version RUNNING --reuse-values --set \
              terminationGracePeriodSeconds=SECONDS`, RUNNING being the chart's version that `helm list -n istio-system` names. \
              That is itself a rollout of ztunnel: choose a quiet hour once, then upgrade.",
        sources: &[
            "https://github.com/istio/istio/blob/master/architecture/ambient/ztunnel-cni-lifecycle.md",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ambient = &context.mesh.ambient;
    if context.target.is_some() && ambient.ztunnel_version.as_ref() == context.target {
        return Vec::new();
    }
    let ztunnels = ambient.ztunnels.iter().filter_map(|reference| context.object::<DaemonSet>(reference));
    let Some(limit) = ztunnels.map(|ztunnel| ztunnel.spec.template.spec.grace_seconds()).min() else {
        return Vec::new();
    };
    let enrolled: BTreeSet<&ObjectRef> = ambient
        .enrolled
        .iter()
        .filter_map(|pod| context.mesh.pods.get(pod))
        .map(|pod| &pod.workload)
        .collect();
    enrolled
        .into_iter()
        .filter_map(|reference| context.mesh.workloads.get(reference))
        .filter_map(|workload| {
            let grace = workload.template.spec.grace_seconds();
            (grace > LONG * limit).then(|| {
                Hit::new(
                    &workload.workload,
                    format!("grace {grace} s, ztunnel {limit} s: older connections are cut"),
                )
                .because(format!("{} terminationGracePeriodSeconds={grace}", workload.workload))
            })
        })
        .collect()
}
