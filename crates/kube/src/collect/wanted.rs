//! What is asked for: one table for the collector, its permissions and their tests.

use meshlift_model::k8s::{
    ClusterRole, ClusterRoleBinding, KINDS, Resource, Role, RoleBinding, Secret, ServiceAccount,
};
use meshlift_snapshot::live::COUNTED_KINDS;

use crate::refusal::Permission;

/// Kinds of which meshlift reads metadata alone: the API server sends no more.
const METADATA_ALONE: [&str; 5] = [
    ServiceAccount::RESOURCE,
    ClusterRole::RESOURCE,
    ClusterRoleBinding::RESOURCE,
    Role::RESOURCE,
    RoleBinding::RESOURCE,
];

/// One list that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Plural with group: `deployments.apps`.
    pub resource: &'static str,
    /// Version of the group that is asked for where it is served; absent where any will do.
    pub version: Option<&'static str>,
    /// Only metadata is asked for.
    pub metadata_alone: bool,
}

impl Wanted {
    /// Plural: `deployments`.
    #[must_use]
    pub fn plural(&self) -> &'static str {
        self.resource.split_once('.').map_or(self.resource, |(plural, _)| plural)
    }

    /// API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.resource.split_once('.').map_or("", |(_, group)| group)
    }

    /// What RBAC must permit.
    #[must_use]
    pub fn permission(&self) -> Permission<'static> {
        Permission { verb: "list", group: self.group(), resource: self.plural() }
    }
}

/// Every list that is asked for, long ones first. Secrets are not among them: RBAC cannot permit their metadata
/// alone.
#[must_use]
pub fn wanted() -> Vec<Wanted> {
    let known = KINDS.iter().filter(|kind| kind.resource != Secret::RESOURCE).map(|kind| Wanted {
        resource: kind.resource,
        version: Some(kind.api_version.rsplit_once('/').map_or(kind.api_version, |(_, version)| version)),
        metadata_alone: METADATA_ALONE.contains(&kind.resource),
    });
    let counted =
        COUNTED_KINDS.iter().map(|resource| Wanted { resource, version: None, metadata_alone: true });
    let mut all: Vec<Wanted> = known.chain(counted).collect();
    // Pods, then what there is for each pod's owner, take longest: what starts last ends last.
    let length = |wanted: &Wanted| match wanted.resource {
        "pods" => 0,
        "replicasets.apps" => 1,
        "endpointslices.discovery.k8s.io" | "deployments.apps" => 2,
        _ => 3,
    };
    all.sort_by_key(length);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Deserialize;

    use super::*;

    const ROLES: &str = include_str!("../../../../deploy/rbac/read.yaml");

    #[derive(Deserialize)]
    struct RoleFile {
        kind: String,
        rules: Vec<Rule>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Rule {
        api_groups: Vec<String>,
        resources: Vec<String>,
        verbs: Vec<String>,
        #[serde(default)]
        resource_names: Vec<String>,
    }

    fn permissions(kind: &str) -> BTreeSet<(String, String, String)> {
        let roles = ROLES.split("\n---\n").map(|text| serde_saphyr::from_str::<RoleFile>(text).unwrap());
        let rules = roles.filter(|role| role.kind == kind).flat_map(|role| role.rules);
        let mut all = BTreeSet::new();
        for rule in rules {
            assert!(kind == "Role" || rule.resource_names.is_empty());
            for group in &rule.api_groups {
                for resource in &rule.resources {
                    all.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
                }
            }
        }
        all
    }

    #[test]
    fn the_reading_role_permits_exactly_what_is_asked_for() {
        let needed: BTreeSet<(String, String, String)> = wanted()
            .iter()
            .map(Wanted::permission)
            .map(|one| (one.group.to_owned(), one.resource.to_owned(), one.verb.to_owned()))
            .collect();
        assert_eq!(needed.len(), wanted().len());
        assert_eq!(permissions("ClusterRole"), needed);
        let beside: Vec<String> =
            permissions("Role").into_iter().map(|(_, resource, verb)| resource + " " + &verb).collect();
        assert_eq!(
            beside,
            ["pods/portforward create", "pods/portforward get", "serviceaccounts/token create"]
        );
    }
}
