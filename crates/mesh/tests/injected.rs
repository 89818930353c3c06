//! Pods as injection makes them: what is taken off a real one, and what is predicted without one.

use std::sync::Arc;

use meshlift_mesh::{BarePod, InstallMethod, Mesh, ProxyKind};
use meshlift_model::k8s::{Container, PodTemplateSpec, Shared};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_snapshot::fixtures::{CLUSTERS, cluster};

fn mesh(snapshot: &Snapshot) -> Mesh {
    Mesh::derive(Arc::new(snapshot.clone()))
}

fn names(containers: &[Container]) -> Vec<&str> {
    containers.iter().map(|container| container.name.as_str()).collect()
}

/// Without what injection added, a pod has the containers and volumes of its template.
#[test]
fn bare_pods_are_their_templates() {
    for name in CLUSTERS {
        let mesh = mesh(&cluster(name).unwrap());
        for pod in &mesh.snapshot.objects.pods {
            let reference = ObjectRef::new("Pod", &pod.metadata.namespace, &pod.metadata.name);
            let facts = &mesh.pods[&reference];
            if !matches!(facts.proxy, None | Some(ProxyKind::Native | ProxyKind::Classic)) {
                continue;
            }
            let bare = BarePod::of_pod(pod).to_template();
            let asked = &mesh.workloads[&facts.workload].template;
            assert_eq!(names(&bare.spec.containers), names(&asked.spec.containers), "{reference}");
            assert_eq!(names(&bare.spec.init_containers), names(&asked.spec.init_containers), "{reference}");
            let marks = ["istio.io/rev", "sidecar.istio.io/status"];
            assert!(marks.iter().all(|mark| !bare.metadata.annotations.contains_key(*mark)), "{reference}");
        }
    }
}

/// What rollouts and capacity depend on; environment and security settings are not predicted.
fn shape(template: &PodTemplateSpec) -> (Vec<Container>, Vec<Container>) {
    let injected = |containers: &[Container]| -> Vec<Container> {
        let ours = containers.iter().filter(|container| container.name.starts_with("istio-"));
        ours.map(|container| Container {
            env: Vec::new(),
            security_context: Shared::default(),
            ..container.clone()
        })
        .collect()
    };
    (injected(&template.spec.init_containers), injected(&template.spec.containers))
}

/// Where no pod shows what injection makes of a template, the prediction is what real pods look like.
#[test]
fn predicted_proxies_are_the_recorded_ones() {
    let mut compared = 0;
    for name in ["before", "after", "ambient-before"] {
        let snapshot = cluster(name).unwrap();
        let mut without_pods = snapshot.clone();
        let is_istiod =
            |labels: &meshlift_model::k8s::StringMap| labels.get("app").is_some_and(|app| app == "istiod");
        without_pods.objects.pods.retain(|pod| is_istiod(&pod.metadata.labels));
        let (real, predicted) = (mesh(&snapshot), mesh(&without_pods));
        for (workload, facts) in &predicted.workloads {
            let (Some(predicted), Some(real)) = (&facts.as_injected, &real.workloads[workload].as_injected)
            else {
                assert!(facts.on_restart.revision.is_none(), "{workload}");
                continue;
            };
            assert_eq!(shape(predicted), shape(real), "{workload} in {name}");
            compared += 1;
        }
    }
    assert!(compared > 130, "{compared}");
}

#[test]
fn installers_are_told_by_their_marks() {
    let method = |change: &dyn Fn(&mut meshlift_model::k8s::ObjectMeta)| {
        let mut snapshot = cluster("before").unwrap();
        let deployments = snapshot.objects.deployments.iter_mut();
        deployments
            .filter(|one| one.metadata.namespace == "istio-system")
            .for_each(|one| change(&mut one.metadata));
        mesh(&snapshot).install
    };
    assert!(matches!(method(&|_| {}), InstallMethod::Istioctl { .. }));
    let unknown = |change: &dyn Fn(&mut meshlift_model::k8s::ObjectMeta), word: &str| match method(change) {
        InstallMethod::Unknown { reason } => assert!(reason.contains(word), "{reason}"),
        InstallMethod::Istioctl { evidence } => assert_eq!(evidence, word),
    };
    let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    unknown(&|one| one.annotations.extend([set("meta.helm.sh/release-name", "istiod")]), "a Helm release");
    unknown(&|one| one.labels.extend([set("managed-by", "sail-operator")]), "the Sail operator");
    unknown(&|one| one.labels.clear(), "has neither label");
}
