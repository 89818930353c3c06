//! ML5007: a tag's webhook and its Service name different revisions.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5007",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A tag points two ways",
        severity: Severity::Warn,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "set the tag again to the revision that is meant: both objects in one go",
        why: "Since Istio 1.28 a tag is a webhook configuration and a Service. Injection reads the first; \
              istiods learn their tags from both. While they differ, two revisions own the tag's Gateways and \
              overwrite each other's Deployments.",
        see: "`kubectl get mutatingwebhookconfiguration,svc -A -l istio.io/tag=TAG -L istio.io/rev`.",
        fix: "`istioctl tag set TAG --revision REV --overwrite`; with helm, render the Service as well.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/#stable-revision-labels"],
    },
    needs: &[&["mutatingwebhookconfigurations.admissionregistration.k8s.io", "services"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let torn = context.mesh.tags.values().filter_map(|tag| {
        let (webhook, service) = (tag.revision.as_ref()?, tag.service_revision.as_ref()?);
        (webhook != service).then_some((tag, webhook, service))
    });
    torn.map(|(tag, webhook, service)| {
        let subject = ObjectRef::cluster("Tag", tag.name.as_str());
        Hit::new(&subject, format!("its webhook says {webhook}, its Service says {service}"))
    })
    .collect()
}
