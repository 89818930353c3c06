//! ML5026: settings of the revision that runs which the new one does not have.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Revision;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{ConfigMap, Deployment};
use meshlift_model::names::ObjectRef;
use serde_json::Value;

use super::changes::removed_flag::is_removed;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;

/// Variables that say which revision it is, or what its pod gets, or that charts of each version write by themselves.
const OWN: [&str; 5] = ["CA_TRUSTED_NODE_ACCOUNTS", "GOMAXPROCS", "GOMEMLIMIT", "KUBECONFIG", "REVISION"];
/// Values that differ between two revisions, are told otherwise (the mesh config, variables), or are of other charts;
/// without the `pilot.` that istioctl puts before those of istiod.
const ELSEWHERE: [&str; 9] = [
    "revision",
    "revisionTags",
    "defaultRevision",
    "global.tag",
    "global.hub",
    "meshConfig.",
    "env.",
    "gateways.",
    "ztunnel.",
];
/// Settings that a finding names.
const SHOWN: usize = 3;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5026",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "The new revision is not told what the old one is",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "install the new revision again with the settings of the old one, before anything moves to it",
        why: "A canary revision has a mesh config, variables and values of its own. What was set for the old one and forgotten \
              for the new one changes with each pod that moves: access logs end, outbound traffic is blocked or let out, \
              sidecars get other resources, a flag that kept an old behaviour is gone.",
        see: "`diff <(kubectl get cm istio-OLD -n istio-system -o jsonpath='{.data.mesh}') <(kubectl get cm istio-NEW -n \
              istio-system -o jsonpath='{.data.mesh}')` (`istio` for revision default); the same of `values-OLD` and \
              `values-NEW` with `{.data.original-values}` (from 1.26 on), and `kubectl set env deploy/istiod-OLD -n istio-system --list`.",
        fix: "Take the values of the old revision (`helm get values RELEASE -n istio-system`, or the file that `istioctl \
              install -f` was given), change its revision and version, and install with them. Where a difference is meant, \
              there is nothing to do.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/"],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let old = context.mesh.used_revisions().filter(|revision| !context.is_target(&revision.name));
    let Some(old) = old.max_by_key(|revision| revision.pods) else { return Vec::new() };
    context.targets().filter_map(|new| compare(context, old, new)).collect()
}

fn compare(context: &Context<'_>, old: &Revision, new: &Revision) -> Option<Hit> {
    let subject = ObjectRef::cluster("Revision", new.name.as_str());
    let mesh = match (mesh_config(context, old), mesh_config(context, new)) {
        (Ok(old), Ok(new)) => differences(&old, &new, "mesh config "),
        (Err(why), _) | (_, Err(why)) => {
            let hint = "mend the text of the ConfigMap, or compare both by hand";
            return Some(not_judged(&subject, why, hint));
        }
    };
    let variables = variables(context, old);
    let variables = differences(&variables, &self::variables(context, new), "variable ");
    let values = match (values(context, old), values(context, new)) {
        (Some(old), Some(new)) => differences(&old, &new, "value "),
        _ => Vec::new(),
    };
    let all: Vec<String> = mesh.into_iter().chain(variables).chain(values).collect();
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let shown = all.iter().take(SHOWN).map(String::as_str).collect::<Vec<&str>>().join("; ");
    let hit = || Hit::new(&subject, format!("unlike {}: {shown}{more}", old.name));
    (!all.is_empty()).then(|| all.iter().fold(hit(), Hit::because))
}

/// Texts of settings by their path.
type Settings = BTreeMap<String, String>;

/// What the first has and the second lacks, or says otherwise. What only the second has is how one keeps what a
/// version would change, or new in its charts.
fn differences(old: &Settings, new: &Settings, what: &str) -> Vec<String> {
    let differs = |(path, value): (&String, &String)| match new.get(path) {
        Some(other) if other == value => None,
        Some(other) => Some(format!("{what}{path} is {other}, not {value}")),
        None => Some(format!("{what}{path} is not set ({value})")),
    };
    old.iter().filter_map(differs).collect()
}

fn of_revision<'a>(
    context: &Context<'a>,
    revision: &Revision,
    key: &str,
) -> Option<(&'a ConfigMap, &'a String)> {
    let maps = context.objects().config_maps.iter();
    let own = maps.filter(|map| map.metadata.label(REV_LABEL) == Some(revision.name.as_str()));
    own.filter_map(|map| Some((map, map.data.get(key)?))).next()
}

/// The mesh config of a revision; empty where it has none. An error where it cannot be read.
fn mesh_config(context: &Context<'_>, revision: &Revision) -> Result<Settings, String> {
    let mut settings = Settings::new();
    if let Some((map, text)) = of_revision(context, revision, "mesh") {
        // The reader shows the place in many lines: the first says it.
        let first =
            |error: serde_saphyr::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
        let value: Value = serde_saphyr::from_str(text).map_err(|error| {
            format!("the mesh config in ConfigMap {} is no YAML: {}", map.metadata.path(), first(error))
        })?;
        flatten(&value, "", revision, &mut settings);
    }
    Ok(settings)
}

/// Values that somebody gave, and not those that are the charts' own; `None` where they were not kept (before 1.26).
fn values(context: &Context<'_>, revision: &Revision) -> Option<Settings> {
    let (_, text) = of_revision(context, revision, "original-values")?;
    let mut settings = Settings::new();
    flatten(&serde_json::from_str::<Value>(text).ok()?, "", revision, &mut settings);
    let own = settings.into_iter().map(|(path, value)| match path.strip_prefix("pilot.") {
        Some(own) => (own.to_owned(), value),
        None => (path, value),
    });
    let is_other =
        |path: &str| ELSEWHERE.iter().any(|one| path == *one || one.ends_with('.') && path.starts_with(one));
    Some(own.filter(|(path, _)| !is_other(path)).collect())
}

fn variables(context: &Context<'_>, revision: &Revision) -> Settings {
    let deployment = revision.deployment.as_ref().and_then(|name| context.object::<Deployment>(name));
    let containers = deployment.into_iter().flat_map(|one| &one.spec.template.spec.containers);
    let is_gone = |name: &str| context.target.is_some_and(|target| is_removed(name, target));
    let counts = |name: &str| !OWN.contains(&name) && !is_gone(name);
    let named = containers.flat_map(|one| &one.env).filter(|one| counts(&one.name) && !one.value.is_empty());
    named.map(|one| (one.name.to_string(), one.value.to_string())).collect()
}

/// Leaves of a value by their path; the revision's own istiod has the same name in each.
fn flatten(value: &Value, path: &str, revision: &Revision, settings: &mut Settings) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(value, &below(key), revision, settings));
        }
        Value::Null => {}
        Value::String(text) => {
            let text = text.replace(&format!("istiod-{}", revision.name), "istiod");
            settings.insert(path.to_owned(), text);
        }
        // A list is one setting: the order of its items counts.
        other => drop(settings.insert(path.to_owned(), other.to_string())),
    }
}
