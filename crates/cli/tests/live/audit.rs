//! What the API server's audit log says of a user.

use std::collections::BTreeSet;

use meshlift_snapshot::live::is_read_as_protobuf;

use super::{Lab, users};

/// Every request of the user in the audit log reads; but for the way to istiods and the token for them.
pub(crate) fn wrote_nothing(lab: &Lab, name: &str) {
    let of_user = users::requests(&lab.cluster, name);
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
    assert_eq!(users::of_secrets(&of_user), 0);
    let named = |event: &serde_json::Value| event["userAgent"].as_str().unwrap().starts_with("meshlift/");
    assert!(of_user.iter().all(named));
}

/// The user got each long list in one answer, and never page by page.
pub(crate) fn read_long_lists_at_once(lab: &Lab, name: &str) {
    let of_user = users::requests(&lab.cluster, name);
    let lists = of_user.iter().filter(|event| event["verb"] == "list");
    let long = lists.filter(|event| {
        let part = |key: &str| event["objectRef"][key].as_str().unwrap_or_default();
        let (group, resource) = (part("apiGroup"), part("resource"));
        is_read_as_protobuf(&if group.is_empty() {
            resource.to_owned()
        } else {
            format!("{resource}.{group}")
        })
    });
    let asked: BTreeSet<String> = long
        .map(|event| format!("{} {}", event["requestURI"].as_str().unwrap(), event["responseStatus"]["code"]))
        .collect();
    let expected = [
        "/api/v1/pods 200",
        "/api/v1/services 200",
        "/apis/apps/v1/deployments 200",
        "/apis/apps/v1/replicasets 200",
        "/apis/discovery.k8s.io/v1/endpointslices 200",
    ];
    assert_eq!(asked, expected.map(str::to_owned).into());
}
