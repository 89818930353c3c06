//! What the cluster serves, in one request.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Asks for all groups, versions and resources at once (GA since Kubernetes 1.30).
pub(super) const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Versions by group and plural, the preferred one first. The core group is not in it.
#[derive(Debug, Default)]
pub(super) struct Served(BTreeMap<(String, String), Vec<String>>);

#[derive(Deserialize)]
struct Groups {
    kind: String,
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    metadata: Name,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<ServedResource>,
    /// `Stale` where an aggregated API server does not answer.
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
struct ServedResource {
    resource: String,
}

impl Served {
    /// Reads the answer; an older API server sends another list, without resources.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let groups: Groups = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if groups.kind != "APIGroupDiscoveryList" {
            return Err(format!("it answered a {}", groups.kind));
        }
        let mut served = Self::default();
        for group in groups.items {
            for version in group.versions.into_iter().filter(|version| version.freshness != "Stale") {
                for resource in version.resources {
                    let key = (group.metadata.name.clone(), resource.resource);
                    served.0.entry(key).or_default().push(version.version.clone());
                }
            }
        }
        Ok(served)
    }

    /// Version to ask for: the wanted one, else the preferred one; `None` where it is not served.
    pub(super) fn version(&self, group: &str, plural: &str, wanted: Option<&str>) -> Option<String> {
        let versions = self.0.get(&(group.to_owned(), plural.to_owned()))?;
        let wanted = wanted.filter(|wanted| versions.iter().any(|version| version == wanted));
        wanted.map(str::to_owned).or_else(|| versions.first().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_version_is_taken_where_the_known_one_is_not_served() {
        let text = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"networking.istio.io"},"versions":[
            {"version":"v1beta1","resources":[{"resource":"gateways"}]},
            {"version":"v1alpha3","resources":[{"resource":"gateways"},{"resource":"envoyfilters"}]}]}]}"#;
        let served = Served::parse(text.as_bytes()).unwrap();
        let version = |plural, wanted| served.version("networking.istio.io", plural, wanted);
        assert_eq!(version("gateways", Some("v1")).as_deref(), Some("v1beta1"));
        assert_eq!(version("gateways", Some("v1alpha3")).as_deref(), Some("v1alpha3"));
        assert_eq!(version("envoyfilters", None).as_deref(), Some("v1alpha3"));
        assert_eq!(version("sidecars", None), None);
        assert!(Served::parse(br#"{"kind":"APIGroupList","groups":[]}"#).is_err());
    }
}
