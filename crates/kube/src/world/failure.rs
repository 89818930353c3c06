//! What an API server's refusal means to a run.

use std::time::Duration;

use kube::core::Status;
use meshlift_model::effect::Failure;

/// Why a request failed.
#[derive(Clone, Debug)]
pub(super) enum CallError {
    /// The API server answered no.
    Answer {
        /// Method and path.
        request: String,
        /// Its answer, with the code.
        status: Box<Status>,
        /// When it wants to be asked again.
        retry_after_seconds: Option<u64>,
    },
    /// No answer, or a torn one.
    Lost {
        /// Method and path.
        request: String,
        /// What happened.
        why: String,
        /// It never left: there was no connection.
        unsent: bool,
    },
    /// An answer that is not of the kind's shape.
    Shape {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        why: String,
    },
}

impl CallError {
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(status.code),
            Self::Lost { .. } | Self::Shape { .. } => None,
        }
    }

    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Answer { status, .. } => &status.reason,
            Self::Lost { .. } | Self::Shape { .. } => "",
        }
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::Answer { status, .. } => &status.message,
            Self::Lost { why, .. } | Self::Shape { why, .. } => why,
        }
    }

    /// When the server wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer { status, retry_after_seconds, .. } => {
                let told = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
                retry_after_seconds.or(told.filter(|seconds| *seconds > 0)).map(Duration::from_secs)
            }
            Self::Lost { .. } | Self::Shape { .. } => None,
        }
    }

    /// True if asking again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Answer { status, .. } => status.code == 429 || status.code >= 500,
            Self::Lost { .. } => true,
            Self::Shape { .. } => false,
        }
    }

    /// How long to wait before a request is sent again that priority and fairness turned away, unbegun; nothing for
    /// every other answer, a budget's to an eviction among them.
    pub(super) fn turned_away(&self) -> Option<Duration> {
        match self {
            Self::Answer { status, .. } if status.code == 429 && !is_of_budget(status) => self.retry_after(),
            _ => None,
        }
    }

    /// True if the request never left, because there was no connection: an API server that restarts.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(self, Self::Lost { unsent: true, .. })
    }

    /// True where RBAC does not permit it.
    pub(super) fn is_of_permission(&self) -> bool {
        self.code() == Some(403) && is_missing_permission(self.message())
    }

    /// True for a pod that could not be created because no injector answered: the API server says 500.
    pub(super) fn is_of_webhook(&self) -> bool {
        self.code() == Some(500) && self.message().contains("failed calling webhook")
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (request, status) = match error {
            CallError::Answer { request, status, .. } => (request, status),
            CallError::Lost { request, why, .. } => {
                return Self::Unavailable { message: format!("{request}: {why}") };
            }
            CallError::Shape { request, why } => {
                return Self::Unsupported {
                    message: format!("{request}: the answer is not understood: {why}"),
                };
            }
        };
        let message = format!("{request}: {}", status.message);
        match status.code {
            401 => Self::Forbidden { message: format!("{message} (the credentials are not accepted)") },
            403 if is_missing_permission(&status.message) => {
                Self::Forbidden { message: with_rule(message, &status.message) }
            }
            404 => Self::NotFound { message },
            409 => Self::Conflict { message },
            // uids cannot be patched: the object is another one by now.
            422 if status.message.contains("metadata.uid") => Self::Conflict { message },
            429 if is_of_budget(&status) => Self::Budget { message },
            429 | 500.. => Self::Unavailable { message },
            _ => Self::Refused { message },
        }
    }
}

/// RBAC says who cannot do what; quotas and policies use other words.
fn is_missing_permission(message: &str) -> bool {
    message.contains(" cannot ") && message.contains(" resource \"")
}

fn is_of_budget(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "DisruptionBudget")
        || status.message.contains("disruption budget")
}

/// The rule that would grant it, read from the words of the API server: `cannot patch resource "deployments" in API
/// group "apps"`.
fn with_rule(message: String, words: &str) -> String {
    let after = |marker: &str| {
        let rest = words.split_once(marker)?.1;
        rest.split('"').next().map(str::trim)
    };
    let verb = words.split_once(" cannot ").and_then(|(_, rest)| rest.split(' ').next());
    match (verb, after("resource \""), after("API group \"")) {
        (Some(verb), Some(resource), Some(group)) => format!(
            "{message} (missing: verb {verb} on {resource}; the rule that grants it: \
             {{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]}})"
        ),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, message: &str) -> Failure {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        CallError::Answer { request: "PATCH /x".into(), status: Box::new(status), retry_after_seconds: None }
            .into()
    }

    #[test]
    fn a_missing_permission_names_the_rule_and_a_quota_is_a_refusal() {
        let denied = answer(
            403,
            "deployments.apps \"bff\" is forbidden: User \"ci\" cannot patch resource \"deployments\" in API group \
             \"apps\" in the namespace \"web\"",
        );
        let Failure::Forbidden { message } = denied else { panic!("{denied:?}") };
        let rule = "{apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}";
        assert!(message.contains(rule), "{message}");
        let quota = answer(403, "pods \"ads-1\" is forbidden: exceeded quota: pods, requested: pods=1");
        assert!(matches!(quota, Failure::Refused { .. }), "{quota:?}");
    }

    #[test]
    fn codes_tell_what_may_pass() {
        assert!(answer(409, "the object has been modified").is_passing());
        assert!(answer(503, "").is_passing());
        assert!(matches!(answer(429, "Too many requests"), Failure::Unavailable { .. }));
        let budget = answer(429, "Cannot evict pod as it would violate the pod's disruption budget.");
        assert!(matches!(budget, Failure::Budget { .. }));
        assert!(matches!(answer(422, "metadata.uid: Invalid value"), Failure::Conflict { .. }));
        assert!(matches!(answer(422, "spec.replicas: Invalid value"), Failure::Refused { .. }));
        assert!(matches!(answer(401, "Unauthorized"), Failure::Forbidden { .. }));
    }
}
