//! ML00xx: definitions of Istio and of the Gateway API.

use meshlift_model::defaults::HELM_RELEASE;
use meshlift_model::k8s::{Deployment, ObjectMeta};
use meshlift_model::snapshot::{ReadProblem, Snapshot};

use super::Base::Sidecars;
use super::{Mutation, add};
use crate::edit::object;

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML0002", Sidecars, "Cluster/kubernetes"),
            |s, _| by_helm(s, false),
            |s, _| by_helm(s, true),
        )
        .hop("1.23.6", "1.24.6"),
        Mutation::new(
            ("ML0003", Sidecars, "ValidatingAdmissionPolicy/safe-upgrades.gateway.networking.k8s.io"),
            |s, _| policy(s, "safe-upgrades.gateway.networking.k8s.io"),
            |s, _| policy(s, "image-policy.example.com"),
        ),
        Mutation::new(
            ("ML0004", Sidecars, "CustomResourceDefinition/gateways.networking.istio.io"),
            |s, _| stored(s, "v1alpha3"),
            |s, _| stored(s, "v1"),
        ),
        Mutation::new(
            ("ML0005", Sidecars, "Telemetry/web/trace"),
            |s, _| traces(s, "disableContext"),
            |s, _| traces(s, "disableContextPropagation"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML0006", Sidecars, "Source/pods"),
            |s, _| unread(s, "pods"),
            |s, _| unread(s, "widgets.example.com"),
        ),
    ]
}

/// An object of a kind was left out.
fn unread(s: &mut Snapshot, source: &str) {
    let (place, problem) = ("items[3] web/bff".to_owned(), "spec.containers: no list; skipped".to_owned());
    s.problems.push(ReadProblem { source: source.to_owned(), place, problem });
}

/// istiod is of a Helm release; so are the definitions, or not.
fn by_helm(s: &mut Snapshot, all: bool) {
    let release = |meta: &mut ObjectMeta| drop(meta.annotations.insert(HELM_RELEASE.into(), "istio".into()));
    release(&mut object::<Deployment>(s, "istio-system/istiod-1-29-6").metadata);
    if all {
        s.objects.crds.iter_mut().for_each(|one| release(&mut one.metadata));
    }
}

fn policy(s: &mut Snapshot, name: &str) {
    add(s, "ValidatingAdmissionPolicy", &format!(r#"{{"metadata": {{"name": "{name}"}}}}"#));
}

/// Objects of Istio's Gateway were stored in that version once.
fn stored(s: &mut Snapshot, version: &str) {
    let mut gateways =
        s.objects.crds.iter_mut().filter(|one| one.metadata.name == "gateways.networking.istio.io");
    gateways.by_ref().for_each(|one| {
        one.status.stored_versions = vec!["v1".into(), version.into()];
        one.spec.versions.iter_mut().for_each(|own| own.served = own.name != "v1alpha3");
    });
}

/// A Telemetry with such a field: `disableContextPropagation` is one that 1.30 brings.
fn traces(s: &mut Snapshot, field: &str) {
    let metadata = r#"{"name": "trace", "namespace": "web"}"#;
    let spec = format!(r#"{{"tracing": [{{"{field}": true}}]}}"#);
    add(s, "Telemetry", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}
