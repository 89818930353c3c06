//! Somebody with too few rights is told which one is missing.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use meshlift_cluster::Cluster;
use meshlift_model::effect::{Change, Effect, Failure, Observation, Outcome, Query};
use serde_json::json;

use crate::scene::{Scene, deployment, restart};

const NAMESPACE: &str = "permissions";

/// A kubeconfig with the token of a service account that may read Deployments and do nothing else.
fn kubeconfig(cluster: &Cluster, scene: &Scene) -> std::path::PathBuf {
    scene.create("ServiceAccount", &json!({"metadata": {"name": "reader"}}));
    let rule =
        json!({"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"]});
    let hold = json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]});
    scene.create("ClusterRole", &json!({"metadata": {"name": "reader"}, "rules": [rule, hold]}));
    let binding = json!({
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}],
    });
    scene.create("ClusterRoleBinding", &binding);
    let accounts: Api<ServiceAccount> = Api::namespaced(scene.connection.client().clone(), NAMESPACE);
    let request: TokenRequest = serde_json::from_value(json!({"spec": {"audiences": []}})).unwrap();
    let params = PostParams::default();
    let asked = accounts.create_token_request("reader", &params, &request);
    let token = scene.connection.wait(asked).unwrap().status.unwrap().token;
    cluster.kubeconfig_of("reader", &token).unwrap()
}

pub(crate) fn a_missing_permission_is_named(cluster: &Cluster) {
    let admin = Scene::new(cluster, NAMESPACE);
    admin.create("Deployment", &deployment("x", 1, &json!({})));
    let mut scene = Scene::with(&kubeconfig(cluster, &admin), NAMESPACE);
    let denied = scene.write(scene.at("Deployment", "x"), restart("now"));
    let Err(Failure::Forbidden { message }) = denied else { panic!("{denied:?}") };
    assert!(
        message.contains("{apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}"),
        "{message}"
    );
    let evicted = scene.write(scene.at("Pod", "x"), Change::Evict);
    let Err(Failure::Forbidden { message }) = evicted else { panic!("{evicted:?}") };
    assert!(message.contains("resources: [\"pods/eviction\"], verbs: [\"create\"]"), "{message}");
    let workload = scene.at("Deployment", "x");
    let seen = scene.run(&Effect::Read(Query::Workload { workload }));
    let Outcome::Failed { failure: Failure::Forbidden { message } } = seen else { panic!("{seen:?}") };
    assert!(message.contains("resources: [\"pods\"], verbs: [\"list\"]"), "{message}");
    // Consumers that cannot be seen are not none.
    let Observation::Consumers { consumers, unknown } =
        scene.ask(Query::Consumers { revision: "1-29-6".into() })
    else {
        panic!("another answer")
    };
    assert!(consumers.is_empty());
    assert!(unknown.iter().any(|source| source.starts_with("pods: ")), "{unknown:?}");
    assert!(unknown.iter().any(|source| source.starts_with("istiods: ")), "{unknown:?}");
}
