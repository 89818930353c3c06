//! What the API server's refusals mean: its own words, and the rule that would permit the request.

use kube::core::Status;
use meshlift_model::snapshot::SourceStatus;

/// A request as RBAC sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission<'a> {
    /// Verb, such as `list`.
    pub verb: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Plural, with its subresource: `pods/portforward`.
    pub resource: &'a str,
}

impl std::fmt::Display for Permission<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, group, resource } = self;
        write!(f, "{{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]}}")
    }
}

/// Status of a source that the API server would not show: its words, and the rule that would grant it.
#[must_use]
pub fn refused(words: &str, permission: Permission<'_>) -> SourceStatus {
    SourceStatus::Refused { reason: format!("{words}; this rule would permit it: {permission}") }
}

/// The server's words for an error, or its code where it gave none.
#[must_use]
pub fn words(status: &Status) -> String {
    if status.message.is_empty() { format!("it answered {}", status.code) } else { status.message.clone() }
}

/// A failed request in one line: what happened to the connection, without the client's own layers.
#[must_use]
pub fn request_chain(error: &kube::Error) -> String {
    match error {
        kube::Error::Service(inner) => chain(&**inner),
        other => chain(other),
    }
}

/// An error and its causes, each said once, in one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_rule_that_would_permit_it() {
        let permission = Permission { verb: "list", group: "apps", resource: "deployments" };
        let SourceStatus::Refused { reason } = refused("deployments.apps is forbidden", permission) else {
            panic!("not refused")
        };
        assert_eq!(
            reason,
            "deployments.apps is forbidden; this rule would permit it: \
             {apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"list\"]}"
        );
    }
}
