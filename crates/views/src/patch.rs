//! Changes of single objects as JSON merge patches (RFC 7386): the same on the twin and on a real API server.

use meshlift_model::effect::Change;
use meshlift_model::k8s::{
    DaemonSet, Deployment, HorizontalPodAutoscaler, Resource, ResourceQuota, StatefulSet,
};
use serde_json::{Value, json};

/// The change as a patch of an object of that kind; nothing for changes that are no patch (deletions, groups).
///
/// # Errors
/// The end of the sentence `KIND/NAME …`, where the change does not fit the kind.
pub fn of(kind: &str, change: &Change) -> Result<Option<Value>, &'static str> {
    let among = |kinds: &[&str], otherwise| if kinds.contains(&kind) { Ok(()) } else { Err(otherwise) };
    let patch = match change {
        Change::Labels { labels } => json!({"metadata": {"labels": labels}}),
        Change::TemplateAnnotation { key, value } => {
            among(
                &[Deployment::KIND, StatefulSet::KIND, DaemonSet::KIND],
                "has no pod template that a restart could change",
            )?;
            json!({"spec": {"template": {"metadata": {"annotations": {key: value}}}}})
        }
        Change::Replicas { replicas } => {
            among(&[Deployment::KIND, StatefulSet::KIND], "cannot be scaled")?;
            json!({"spec": {"replicas": replicas}})
        }
        Change::AutoscalerMin { replicas } => {
            among(&[HorizontalPodAutoscaler::KIND], "has no minReplicas")?;
            json!({"spec": {"minReplicas": replicas}})
        }
        Change::Partition { partition } => {
            among(&[StatefulSet::KIND], "has no partition")?;
            json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}})
        }
        Change::Strategy { max_unavailable, max_surge } => {
            among(&[Deployment::KIND], "has no rolling-update limits")?;
            let limits = json!({
                "maxUnavailable": count_or_percentage(max_unavailable),
                "maxSurge": count_or_percentage(max_surge),
            });
            json!({"spec": {"strategy": {"rollingUpdate": limits}}})
        }
        Change::Quota { resource, hard } => {
            among(&[ResourceQuota::KIND], "has no hard limits")?;
            json!({"spec": {"hard": {resource: hard}}})
        }
        Change::Evict
        | Change::Delete
        | Change::RecreatePod
        | Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => return Ok(None),
    };
    Ok(Some(patch))
}

/// `25%`, or a count.
fn count_or_percentage(text: &str) -> Value {
    text.parse::<i32>().map_or_else(|_| Value::from(text), Value::from)
}

/// Merges a patch into a value: objects key by key, null removes, everything else replaces.
pub fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let Value::Object(fields) = value else { return };
    for (key, change) in patch {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_patch_sets_and_removes_labels_and_leaves_the_rest() {
        let labels =
            [("istio.io/rev".to_owned(), Some("1-30-3".to_owned())), ("istio-injection".to_owned(), None)];
        let change = Change::Labels { labels: labels.into() };
        let patch = of("Namespace", &change).unwrap().unwrap();
        let mut namespace =
            json!({"metadata": {"name": "web", "labels": {"istio-injection": "enabled", "team": "a"}}});
        merge(&mut namespace, &patch);
        let expected =
            json!({"metadata": {"name": "web", "labels": {"istio.io/rev": "1-30-3", "team": "a"}}});
        assert_eq!(namespace, expected);
    }

    #[test]
    fn a_change_that_does_not_fit_its_kind_is_refused() {
        assert_eq!(of("DaemonSet", &Change::Replicas { replicas: 2 }), Err("cannot be scaled"));
        assert_eq!(of("Pod", &Change::Evict), Ok(None));
        let change = Change::Strategy { max_unavailable: "25%".to_owned(), max_surge: "1".to_owned() };
        let patch = of("Deployment", &change).unwrap().unwrap();
        assert_eq!(
            patch.pointer("/spec/strategy/rollingUpdate"),
            Some(&json!({"maxUnavailable": "25%", "maxSurge": 1}))
        );
    }
}
