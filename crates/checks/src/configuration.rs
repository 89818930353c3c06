//! Istio's own configuration: every kind of which meshlift reads objects.

use meshlift_model::k8s::{KINDS, KindWork, ObjectMeta, Objects, Resource, with_kind};
use meshlift_model::names::ObjectRef;

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

/// Sources of the Gateway API's kinds that istiods read as configuration. Gateways are none of them: those follow tags.
pub(crate) const ROUTING: &[&str] = &[
    "backendtlspolicies.gateway.networking.k8s.io",
    "gatewayclasses.gateway.networking.k8s.io",
    "grpcroutes.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "referencegrants.gateway.networking.k8s.io",
    "tcproutes.gateway.networking.k8s.io",
    "tlsroutes.gateway.networking.k8s.io",
];

/// Objects of all of Istio's kinds that are meant, with their metadata.
pub(crate) fn configuration(
    objects: &Objects,
    is_meant: fn(&ObjectMeta) -> bool,
) -> Vec<(ObjectRef, &ObjectMeta)> {
    of_sources(CONFIGURATION, objects, is_meant)
}

/// The same of kinds by their sources.
pub(crate) fn of_sources<'a>(
    sources: &[&str],
    objects: &'a Objects,
    is_meant: fn(&ObjectMeta) -> bool,
) -> Vec<(ObjectRef, &'a ObjectMeta)> {
    let kinds = KINDS.iter().filter(|kind| sources.contains(&kind.resource));
    kinds.filter_map(|kind| with_kind(kind.resource, OfKind { objects, is_meant })).flatten().collect()
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
    use meshlift_model::outline::is_of_istio;

    use super::*;

    #[test]
    fn no_kind_of_istio_is_forgotten() {
        let ours = KINDS.iter().filter(|kind| is_of_istio(kind.api_version));
        let mut ours: Vec<&str> = ours.map(|kind| kind.resource).collect();
        ours.sort_unstable();
        assert_eq!(ours, CONFIGURATION);
        let theirs = KINDS.iter().filter(|kind| kind.api_version.starts_with("gateway.networking.k8s.io/"));
        let mut theirs: Vec<&str> =
            theirs.map(|kind| kind.resource).filter(|name| !name.starts_with("gateways.")).collect();
        theirs.sort_unstable();
        assert_eq!(theirs, ROUTING);
    }
}
