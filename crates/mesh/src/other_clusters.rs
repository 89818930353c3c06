//! What tells that a mesh goes beyond its cluster.

use meshlift_model::defaults::{NETWORK_LABEL, REMOTE_LABEL};
use meshlift_model::k8s::{Gateway, Objects, Secret, Service};

/// Value of label `istio` of the gateways between clusters.
const EAST_WEST: &str = "eastwestgateway";

/// True for Secrets with the kubeconfig of another cluster of the mesh.
#[must_use]
pub fn is_remote(secret: &Secret) -> bool {
    secret.metadata.label(REMOTE_LABEL) == Some("true")
}

/// Each object that tells of other clusters, in words.
pub fn other_clusters(objects: &Objects) -> impl Iterator<Item = String> {
    let remote = objects.secrets.iter().filter(|one| is_remote(one));
    let remote = remote.map(|one| format!("Secret/{} names another cluster", one.metadata.path()));
    let between = |one: &&Service| one.metadata.label("istio") == Some(EAST_WEST);
    let east_west = objects.services.iter().filter(between);
    let east_west = east_west.map(|one| format!("Service/{} is an east-west gateway", one.metadata.path()));
    let takes_others = |one: &&Gateway| one.metadata.label(NETWORK_LABEL).is_some();
    let gateways = objects.gateways.iter().filter(takes_others);
    let gateways =
        gateways.map(|one| format!("Gateway/{} takes connections of other networks", one.metadata.path()));
    remote.chain(east_west).chain(gateways)
}
