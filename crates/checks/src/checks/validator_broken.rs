//! ML5006: a validator that cannot answer.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;
use meshlift_model::names::ObjectRef;

use super::webhook_service::{Reach, reach};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5006",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "A validator of Istio's configuration cannot answer",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "point it at a revision that exists (`istioctl tag set default`), or remove it",
        why: "Its Service is gone or has no endpoint. With failurePolicy Fail nobody can change Istio's \
              configuration, in the middle of an upgrade of all times; with Ignore nothing is validated.",
        see: "`kubectl get validatingwebhookconfiguration -o yaml`: clientConfig.service.",
        fix: "Move the default tag to a revision that runs; remove validators of revisions that are gone.",
        sources: &["https://istio.io/latest/docs/ops/common-problems/validation/"],
    },
    needs: &[&[
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "services",
        "endpointslices.discovery.k8s.io",
    ]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let configurations = context.objects().validating_webhooks.iter();
    configurations
        .filter_map(|configuration| {
            let istio = configuration.webhooks.iter().filter(|webhook| webhook.name.ends_with("istio.io"));
            let (webhook, why) = istio
                .filter_map(|webhook| {
                    let service = webhook.client_config.service.as_ref()?;
                    let reference = ObjectRef::new("Service", &service.namespace, &service.name);
                    match reach(context, service) {
                        Reach::Ready => None,
                        Reach::NoService => Some((webhook, format!("{reference} does not exist"))),
                        Reach::NoEndpoint => Some((webhook, format!("{reference} has no ready endpoint"))),
                    }
                })
                .next()?;
            let policy = if webhook.failure_policy.is_empty() { "Fail" } else { &webhook.failure_policy };
            let severity = if policy == "Fail" { Severity::Block } else { Severity::Warn };
            let detail = format!("{why}, failurePolicy {policy}");
            Some(Hit::new(&configuration.object_ref(), detail).because(why).severity(severity))
        })
        .collect()
}
