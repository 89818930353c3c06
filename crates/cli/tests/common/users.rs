//! Users with the roles that the project ships.

use std::fs;
use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Api, PostParams};
use kube::{Client, Resource};
use meshlift_cluster::Cluster;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Whoever looks.
pub(crate) const READ: &str = include_str!("../../../../deploy/rbac/read.yaml");
const ISTIO_SYSTEM: &str = "istio-system";

/// Creates a service account with the roles of these files, each without the resources that are not kept; its
/// kubeconfig.
pub(crate) async fn account(
    cluster: &Cluster,
    name: &str,
    files: &[&str],
    keep: impl Fn(&str) -> bool,
) -> PathBuf {
    let client = cluster.client();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    create(&accounts, json!({"metadata": {"name": name}})).await;
    for text in files.iter().flat_map(|file| file.split("\n---\n")) {
        let mut role: Value = serde_saphyr::from_str(text).unwrap();
        let own = format!("{name}-{}", role["metadata"]["name"].as_str().unwrap());
        role["metadata"]["name"] = own.as_str().into();
        for rule in role["rules"].as_array_mut().unwrap() {
            rule["resources"].as_array_mut().unwrap().retain(|resource| keep(resource.as_str().unwrap()));
        }
        let rules = role["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["resources"].as_array().is_some_and(|all| !all.is_empty()));
        grant(&client, name, &own, role).await;
    }
    let request = TokenRequest::default();
    let token = accounts.create_token_request(name, &PostParams::default(), &request).await.unwrap();
    cluster.kubeconfig_of(name, &token.status.unwrap().token).unwrap()
}

/// Requests of the account, of all in the audit log.
pub(crate) fn requests(cluster: &Cluster, name: &str) -> Vec<Value> {
    let user = format!("system:serviceaccount:default:{name}");
    let log = fs::read_to_string(cluster.folder().join("audit.log")).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["user"]["username"] == user.as_str()).collect()
}

/// How many of them ask for Secrets.
pub(crate) fn of_secrets(requests: &[Value]) -> usize {
    requests.iter().filter(|event| event["objectRef"]["resource"] == "secrets").count()
}

/// Creates a role and binds it to the account.
async fn grant(client: &Client, account: &str, name: &str, role: Value) {
    let kind = role["kind"].as_str().unwrap().to_owned();
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": account}],
    });
    if kind == ClusterRole::kind(&()) {
        create(&Api::<ClusterRole>::all(client.clone()), role).await;
        create(&Api::<ClusterRoleBinding>::all(client.clone()), binding).await;
    } else {
        create(&Api::<Role>::namespaced(client.clone(), ISTIO_SYSTEM), role).await;
        create(&Api::<RoleBinding>::namespaced(client.clone(), ISTIO_SYSTEM), binding).await;
    }
}

async fn create<K>(api: &Api<K>, value: Value)
where
    K: Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let object: K = serde_json::from_value(value).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}
