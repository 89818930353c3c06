//! Istio's own configuration: every kind of which meshlift reads objects.

use meshlift_model::k8s::{KINDS, KindWork, ObjectMeta, Objects, Resource, with_kind};
use meshlift_model::names::ObjectRef;
use meshlift_model::outline::is_of_istio;

/// Sources of all its kinds.
pub(crate) const CONFIGURATION: &[&str] = &[
    "authorizationpolicies.security.istio.io",
    "destinationrules.networking.istio.io",
    "envoyfilters.networking.istio.io",
    "gateways.networking.istio.io",
    "peerauthentications.security.istio.io",
    "proxyconfigs.networking.istio.io",
    "requestauthentications.security.istio.io",
    "serviceentries.networking.istio.io",
    "sidecars.networking.istio.io",
    "telemetries.telemetry.istio.io",
    "virtualservices.networking.istio.io",
    "wasmplugins.extensions.istio.io",
    "workloadentries.networking.istio.io",
    "workloadgroups.networking.istio.io",
];

/// Objects of all its kinds that are meant, with their metadata.
pub(crate) fn configuration(
    objects: &Objects,
    is_meant: fn(&ObjectMeta) -> bool,
) -> Vec<(ObjectRef, &ObjectMeta)> {
    let ours = KINDS.iter().filter(|kind| is_of_istio(kind.api_version));
    ours.filter_map(|kind| with_kind(kind.resource, OfKind { objects, is_meant })).flatten().collect()
}

struct OfKind<'a> {
    objects: &'a Objects,
    is_meant: fn(&ObjectMeta) -> bool,
}

impl<'a> KindWork for OfKind<'a> {
    type Output = Vec<(ObjectRef, &'a ObjectMeta)>;

    fn run<R: Resource + 'static>(self) -> Self::Output {
        let meant = R::list(self.objects).iter().filter(|object| (self.is_meant)(object.meta()));
        meant.map(|object| (object.object_ref(), object.meta())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_of_istio_is_forgotten() {
        let ours = KINDS.iter().filter(|kind| is_of_istio(kind.api_version));
        let mut ours: Vec<&str> = ours.map(|kind| kind.resource).collect();
        ours.sort_unstable();
        assert_eq!(ours, CONFIGURATION);
    }
}
