//! ML5026, ML5031: what the new revision is told, beside what the old one is.

use meshlift_model::finding::{Severity, Verdict};
use meshlift_model::k8s::{ConfigMap, Deployment, EnvVar, Service};
use meshlift_model::snapshot::Snapshot;

use crate::common::{assess, cluster, object, of, version};

const OLD: &str = "istio-system/istio-1-29-6";
const NEW: &str = "istio-system/istio-1-30-3";
const TARGET: &str = "1.30.3";

fn found(change: impl Fn(&mut Snapshot)) -> Vec<(Verdict, String)> {
    let mut mesh = cluster("canary-installed");
    change(&mut mesh);
    let assessment = assess(mesh, Some(&version(TARGET)));
    of(&assessment, "ML5026").into_iter().map(|one| (one.verdict, one.detail.clone())).collect()
}

fn details(change: impl Fn(&mut Snapshot)) -> Vec<String> {
    found(change).into_iter().map(|(_, detail)| detail).collect()
}

fn mesh_config(mesh: &mut Snapshot, map: &str, text: &str) {
    object::<ConfigMap>(mesh, map).data.insert("mesh".into(), text.into());
}

fn variable(mesh: &mut Snapshot, istiod: &str, name: &str, value: &str) {
    let variable = EnvVar { name: name.into(), value: value.into(), ..EnvVar::default() };
    let istiod = object::<Deployment>(mesh, istiod);
    istiod.spec.template.spec.containers.iter_mut().for_each(|one| one.env.push(variable.clone()));
}

#[test]
fn revisions_that_are_told_the_same_differ_in_their_names_alone() {
    assert!(found(|_| ()).is_empty());
}

#[test]
fn settings_that_are_lost_or_say_something_else_are_named() {
    let said = details(|mesh| {
        let common = "trustDomain: cluster.local\ndefaultConfig:\n  holdApplicationUntilProxyStarts: ";
        mesh_config(mesh, OLD, &format!("{common}true\naccessLogFile: /dev/stdout\n"));
        mesh_config(mesh, NEW, &format!("{common}false\n"));
        variable(mesh, "istio-system/istiod-1-29-6", "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG", "true");
    });
    let expected = "unlike 1-29-6: mesh config accessLogFile is not set (/dev/stdout); \
                    mesh config defaultConfig.holdApplicationUntilProxyStarts is false, not true; \
                    variable PILOT_FILTER_GATEWAY_CLUSTER_CONFIG is not set (true)";
    assert_eq!(said, [expected]);
}

#[test]
fn what_only_the_new_one_is_told_and_what_its_version_does_not_know_is_passed_over() {
    let said = details(|mesh| {
        mesh_config(mesh, OLD, "rootNamespace: istio-system\n");
        mesh_config(mesh, NEW, "rootNamespace: istio-system\naccessLogFile: /dev/stdout\n");
        variable(mesh, "istio-system/istiod-1-30-3", "ENABLE_DEBUG_ENDPOINT_AUTH", "false");
        variable(mesh, "istio-system/istiod-1-29-6", "ENABLE_AUTO_SNI", "false");
    });
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn a_mesh_config_that_cannot_be_read_is_not_known_to_be_the_same() {
    let found = found(|mesh| mesh_config(mesh, OLD, "accessLogFile: [\n"));
    let [(Verdict::Unknown, detail)] = found.as_slice() else { panic!("{found:?}") };
    assert!(
        detail.starts_with("the mesh config in ConfigMap istio-system/istio-1-29-6 is no YAML"),
        "{detail}"
    );
}

#[test]
fn an_istiod_of_another_revision_is_told_apart_from_one_that_is_not_there() {
    let told = |service: &str, change: fn(&mut Snapshot)| {
        let mut mesh = cluster("canary-installed");
        let address = format!("{service}.istio-system.svc:15012");
        mesh_config(&mut mesh, NEW, &format!("defaultConfig:\n  discoveryAddress: \"{address}\"\n"));
        change(&mut mesh);
        let assessment = assess(mesh, Some(&version(TARGET)));
        of(&assessment, "ML5031").into_iter().map(|one| one.severity).collect::<Vec<_>>()
    };
    let remote = |mesh: &mut Snapshot| {
        let mut service = Service::default();
        (service.metadata.namespace, service.metadata.name) = ("istio-system".into(), "istiod".into());
        mesh.objects.services.push(service);
        mesh.objects.sort();
    };
    assert_eq!(told("istiod", |_| ()), [Severity::Block]);
    assert_eq!(told("istiod-remote", remote), [Severity::Block]);
    assert_eq!(told("istiod", remote), [Severity::Warn]);
    assert!(told("istiod-1-30-3", remote).is_empty());
    // Nobody follows a revision that injects nothing.
    let silent = |mesh: &mut Snapshot| {
        let name = "istio-sidecar-injector-1-30-3";
        mesh.objects.mutating_webhooks.retain(|one| one.metadata.name != name);
    };
    assert!(told("istiod", silent).is_empty());
}
