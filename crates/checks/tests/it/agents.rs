//! Agents of the nodes are upgraded after the control plane: their changes are hazards until they are new themselves. And
//! definitions of the Gateway API that name no bundle.

use meshlift_model::k8s::{CustomResourceDefinition, DaemonSet, GRPCRoute};
use meshlift_model::snapshot::Snapshot;
use meshlift_testkit::mutations::{Base, mutations};

use crate::common::{assess, cluster, istiods_run, object, of, version};

/// The clean ambient mesh, its control plane at 1.30.3 where it stands, and ML4102's hazard in it.
fn half_way() -> Snapshot {
    let recording = cluster(Base::Ambient.recording());
    let mut mesh = Base::Ambient.clean(&recording);
    let excluded = mutations().into_iter().find(|one| one.code == "ML4102").unwrap();
    (excluded.plant)(&mut mesh, &recording);
    istiods_run(&mut mesh, "1.30.3");
    mesh
}

#[test]
fn a_change_of_istio_cni_is_told_until_istio_cni_is_new() {
    let target = version("1.30.3");
    let mut mesh = half_way();
    assert!(!of(&assess(mesh.clone(), Some(&target)), "ML4102").is_empty());
    let agent = object::<DaemonSet>(&mut mesh, "istio-system/istio-cni-node");
    for container in agent.spec.template.spec.containers.iter_mut() {
        container.image = container.image.replace("1.29.6", "1.30.3");
    }
    assert!(of(&assess(mesh, Some(&target)), "ML4102").is_empty());
}

#[test]
fn a_definition_without_a_bundle_counts_as_one_that_is_too_old() {
    let mut mesh = cluster("before");
    let mut definition = CustomResourceDefinition::default();
    definition.metadata.name = "grpcroutes.gateway.networking.k8s.io".to_owned();
    mesh.objects.grpc_routes.push(GRPCRoute::default());
    mesh.objects.crds.retain(|one| one.metadata.name != definition.metadata.name);
    let found = |definition: &CustomResourceDefinition| {
        let mut mesh = mesh.clone();
        mesh.objects.crds.push(definition.clone());
        let assessment = assess(mesh, Some(&version("1.30.3")));
        let all = of(&assessment, "ML0001").into_iter();
        let own = all.filter(|finding| finding.subject.name == definition.metadata.name);
        own.map(|finding| finding.detail.clone()).collect::<Vec<String>>()
    };
    assert_eq!(found(&definition), ["it names no bundle; 1.30.3 reads 1.1 and later"]);
    let bundle = "gateway.networking.k8s.io/bundle-version";
    definition.metadata.annotations.insert(bundle.to_owned(), "v1.0.0".to_owned());
    assert_eq!(found(&definition), ["its bundle is v1.0.0; 1.30.3 reads 1.1 and later"]);
    definition.metadata.annotations.insert(bundle.to_owned(), "v1.4.1".to_owned());
    assert_eq!(found(&definition), [] as [&str; 0]);
}

#[test]
fn agents_go_one_minor_version_at_a_time_though_revisions_may_jump() {
    let far = |recording: &str, target: &str| -> Vec<String> {
        let assessment = assess(cluster(recording), Some(&version(target)));
        of(&assessment, "ML5008").into_iter().map(|finding| finding.subject.kind.to_string()).collect()
    };
    assert_eq!(far("before", "1.31.0"), [] as [&str; 0]);
    assert_eq!(far("ambient-canary-installed", "1.31.0"), ["DaemonSet", "DaemonSet"]);
    assert_eq!(far("ambient-canary-installed", "1.30.3"), [] as [&str; 0]);
}
