//! Whether a webhook's Service can be reached, for ML5005 and ML5006.

use meshlift_model::k8s::{Endpoint, ServiceReference};

use crate::context::Context;

/// What stands behind a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// A ready endpoint.
    Ready,
    /// No such Service.
    NoService,
    /// A Service without a ready endpoint.
    NoEndpoint,
}

/// What stands behind a webhook's Service. One that is a name elsewhere is not looked behind.
pub(super) fn reach(context: &Context<'_>, wanted: &ServiceReference) -> Reach {
    let objects = context.objects();
    let mut services = objects.services.iter();
    let found = services.find(|service| {
        service.metadata.name == wanted.name && service.metadata.namespace == wanted.namespace
    });
    let Some(service) = found else { return Reach::NoService };
    if service.spec.type_ == "ExternalName" {
        return Reach::Ready;
    }
    let ready =
        |endpoint: &Endpoint| endpoint.conditions.ready != Some(false) && !endpoint.addresses.is_empty();
    let mut slices = objects.endpoint_slices.iter().filter(|slice| {
        slice.metadata.namespace == wanted.namespace
            && slice.metadata.label("kubernetes.io/service-name") == Some(wanted.name.as_str())
    });
    if slices.any(|slice| slice.endpoints.iter().any(ready)) { Reach::Ready } else { Reach::NoEndpoint }
}
