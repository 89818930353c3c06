//! ML5005: an injector that cannot answer.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, ServiceReference, Webhook};
use meshlift_model::names::ObjectRef;

use super::webhook_service::{Reach, reach};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5005",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "An injector cannot answer",
        severity: Severity::Block,
        consequence: Consequence::Unserved,
        offers: &[],
        may_accept_unknown: false,
        hint: "bring its istiod back, or remove the webhook configuration if nothing follows it",
        why: "The API server cannot reach the webhook's Service. With failurePolicy Fail every pod that it \
              selects is refused: restarts, autoscalers and crashes leave fewer and fewer pods. With Ignore \
              they come without a sidecar.",
        see: "`kubectl get endpointslices -n istio-system`; events `failed calling webhook … no endpoints available`.",
        fix: "Scale the revision's istiod up, or move its followers and remove the configuration.",
        sources: &["https://istio.io/latest/docs/ops/common-problems/injection/"],
    },
    needs: &[WORKLOADS, &["services", "endpointslices.discovery.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let configurations = context.objects().mutating_webhooks.iter();
    configurations
        .filter_map(|configuration| {
            let why = configuration
                .webhooks
                .iter()
                .filter(|webhook| injects(webhook))
                .find_map(|webhook| broken(context, webhook.client_config.service.as_ref()?))?;
            let subject = configuration.object_ref();
            let pods = followers(context).get(configuration.metadata.name.as_str()).copied().unwrap_or(0);
            Some(Hit::new(&subject, format!("{why}; {pods} pods would be selected by it")).because(why))
        })
        .collect()
}

/// True for Istio's injectors that can match anything at all.
fn injects(webhook: &Webhook) -> bool {
    let never = webhook.namespace_selector.as_ref().is_some_and(|selector| {
        selector.match_labels.get("istio.io/deactivated").is_some_and(|value| value == "never-match")
    });
    webhook.name.ends_with("sidecar-injector.istio.io") && !never
}

fn broken(context: &Context<'_>, service: &ServiceReference) -> Option<String> {
    let reference = ObjectRef::new("Service", &service.namespace, &service.name);
    match reach(context, service) {
        Reach::Ready => None,
        Reach::NoService => Some(format!("{reference} does not exist")),
        Reach::NoEndpoint => Some(format!("{reference} has no ready endpoint")),
    }
}

/// Pods that each configuration would inject if they were made now.
fn followers<'a>(context: &Context<'a>) -> BTreeMap<&'a str, usize> {
    let mut pods: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in context.mesh.workloads.values() {
        if let Some((configuration, _)) = &workload.on_restart.webhook {
            *pods.entry(configuration).or_default() += workload.pods.len();
        }
    }
    pods
}
