//! What the API server's audit log says of a user.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::Lab;

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
