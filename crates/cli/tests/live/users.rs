//! Users with the roles that the project ships, and what the API server's audit log says of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Api, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Lab;

const ROLES: &str = include_str!("../../../../deploy/rbac/read.yaml");
const ISTIO_SYSTEM: &str = "istio-system";

/// Creates a service account with the reading roles, without the resources that are not kept; its kubeconfig.
pub(crate) fn reader(lab: &Lab, name: &str, keep: impl Fn(&str) -> bool) -> PathBuf {
    let mut roles = ROLES.split("\n---\n").map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    let (mut cluster_role, mut role) = (roles.next().unwrap(), roles.next().unwrap());
    for role in [&mut cluster_role, &mut role] {
        role["metadata"]["name"] = name.into();
        for rule in role["rules"].as_array_mut().unwrap() {
            let resources = rule["resources"].as_array_mut().unwrap();
            resources.retain(|resource| keep(resource.as_str().unwrap()));
        }
        let rules = role["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["resources"].as_array().is_some_and(|all| !all.is_empty()));
    }
    let subjects = json!([{"kind": "ServiceAccount", "namespace": "default", "name": name}]);
    let bind = |kind: &str| {
        json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": subjects,
        })
    };
    let client = lab.cluster.client();
    let token = lab.runtime.block_on(async {
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
        create(&accounts, json!({"metadata": {"name": name}})).await;
        create(&Api::<ClusterRole>::all(client.clone()), cluster_role).await;
        create(&Api::<ClusterRoleBinding>::all(client.clone()), bind("ClusterRole")).await;
        create(&Api::<Role>::namespaced(client.clone(), ISTIO_SYSTEM), role).await;
        create(&Api::<RoleBinding>::namespaced(client.clone(), ISTIO_SYSTEM), bind("Role")).await;
        let request = TokenRequest::default();
        accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .unwrap()
            .status
            .unwrap()
            .token
    });
    kubeconfig(lab, name, &token)
}

async fn create<K>(api: &Api<K>, value: Value)
where
    K: Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let object: K = serde_json::from_value(value).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn kubeconfig(lab: &Lab, name: &str, token: &str) -> PathBuf {
    let text = fs::read_to_string(lab.cluster.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    let path = lab.path(&format!("{name}.kubeconfig"));
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// Every request of the user in the audit log reads; but for the way to istiods and the token for them.
pub(crate) fn wrote_nothing(lab: &Lab, name: &str) {
    let user = format!("system:serviceaccount:default:{name}");
    let log = fs::read_to_string(lab.cluster.folder().join("audit.log")).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_user: Vec<Value> = events.filter(|event| event["user"]["username"] == user.as_str()).collect();
    let asked: BTreeSet<String> = of_user
        .iter()
        .map(|event| {
            let part = |key: &str| event["objectRef"][key].as_str().unwrap_or_default();
            format!("{} {}/{}", event["verb"].as_str().unwrap(), part("resource"), part("subresource"))
        })
        .filter(|asked| !asked.starts_with("list "))
        .collect();
    let expected = ["get /", "get pods/portforward"];
    let allowed: BTreeSet<String> = expected.iter().map(|asked| (*asked).to_owned()).collect();
    assert_eq!(asked, allowed);
    assert!(of_user.len() > 100, "{} requests", of_user.len());
    let secrets = of_user.iter().filter(|event| event["objectRef"]["resource"] == "secrets").count();
    assert_eq!(secrets, 0);
}
