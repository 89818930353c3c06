//! Changes as commands of kubectl, for a day without meshlift. Each can be run twice.

use meshlift_model::effect::{Change, Write};
use meshlift_model::k8s::KindInfo;
use meshlift_model::names::ObjectRef;
use serde_json::Value;

use crate::patch;

/// The command for a change of an object that is there; nothing for what is created from elsewhere, and for the groups of
/// a tag or a revision.
#[must_use]
pub fn command(write: &Write) -> Option<String> {
    let target = &write.target;
    if let Ok(Some(patch)) = patch::of(&target.kind, &write.change) {
        let patch = quoted(&patch.to_string());
        return Some(format!("kubectl patch {} --type=merge -p {patch}", object(target)));
    }
    let deletes = matches!(write.change, Change::Evict | Change::Delete);
    deletes.then(|| format!("kubectl delete {} --ignore-not-found", object(target)))
}

/// Applies an object as it is given.
#[must_use]
pub fn apply(object: &Value) -> String {
    format!(
        "kubectl apply --server-side --force-conflicts --field-manager=meshlift -f - <<'EOF'\n{object}\nEOF"
    )
}

/// Commands that remove the objects of a tag.
#[must_use]
pub fn remove_tag(tag: &str) -> Vec<String> {
    let of_tag = quoted(&format!("{}={tag}", meshlift_model::defaults::TAG_LABEL));
    vec![
        format!("kubectl delete mutatingwebhookconfigurations,validatingwebhookconfigurations -l {of_tag}"),
        format!("kubectl delete services --all-namespaces -l {of_tag}"),
    ]
}

/// Commands that hold every run of meshlift.
#[must_use]
pub fn hold(namespace: &str, why: &str) -> String {
    let annotation = quoted(&format!("{}={why}", meshlift_model::defaults::HOLD));
    format!("kubectl annotate namespace {} {annotation} --overwrite", quoted(namespace))
}

/// Command that fails while a pod carries the revision.
#[must_use]
pub fn no_pod_on(revision: &str) -> String {
    let chosen = format!(r#".items[?(@.metadata.annotations.istio\.io/rev=="{revision}")]"#);
    let path = quoted(&format!("{{{chosen}.metadata.name}}"));
    format!("test -z \"$(kubectl get pods --all-namespaces -o jsonpath={path})\"")
}

/// An object as arguments: `deployments.apps books -n web`.
#[must_use]
pub fn object(target: &ObjectRef) -> String {
    let resource = KindInfo::of(&target.kind).map_or(target.kind.as_str(), |info| info.resource);
    let namespace = if target.namespace.is_empty() {
        String::new()
    } else {
        format!(" -n {}", quoted(&target.namespace))
    };
    format!("{resource} {}{namespace}", quoted(&target.name))
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: ObjectRef, change: Change) -> String {
        let write = Write { target, uid: Some("u".to_owned()), resource_version: None, change };
        command(&write).unwrap()
    }

    #[test]
    fn a_change_is_the_patch_that_meshlift_would_send() {
        let labels = Change::Labels { labels: [("istio.io/rev".to_owned(), None)].into() };
        assert_eq!(
            of(ObjectRef::cluster("Namespace", "web"), labels),
            r#"kubectl patch namespaces web --type=merge -p '{"metadata":{"labels":{"istio.io/rev":null}}}'"#
        );
        let deployment = ObjectRef::new("Deployment", "web", "bff");
        assert_eq!(
            of(deployment.clone(), Change::Replicas { replicas: 2 }),
            r#"kubectl patch deployments.apps bff -n web --type=merge -p '{"spec":{"replicas":2}}'"#
        );
        assert_eq!(
            of(deployment, Change::Delete),
            "kubectl delete deployments.apps bff -n web --ignore-not-found"
        );
    }

    #[test]
    fn words_of_others_are_words_and_no_commands() {
        let annotation =
            Change::TemplateAnnotation { key: "k".to_owned(), value: Some("a'; reboot; '".to_owned()) };
        let command = of(ObjectRef::new("Deployment", "web", "bff"), annotation);
        assert!(command.contains(r"a'\''; reboot; '\''"), "{command}");
        assert_eq!(
            hold("istio-system", "by hand"),
            "kubectl annotate namespace istio-system 'meshlift.dev/hold=by hand' --overwrite"
        );
    }

    #[test]
    fn proposed_commands_survive_a_shell() {
        assert_eq!(quoted("clusters/before"), "clusters/before");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }

    #[test]
    fn groups_are_no_single_object() {
        let tag = ObjectRef::cluster("RevisionTag", "prod");
        let write = Write { target: tag, uid: None, resource_version: None, change: Change::RemoveTag };
        assert_eq!(command(&write), None);
        assert!(remove_tag("prod").iter().all(|line| line.ends_with("-l istio.io/tag=prod")));
    }
}
