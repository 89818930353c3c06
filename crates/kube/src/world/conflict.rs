//! What other managers of fields say to a server-side apply.

use meshlift_model::effect::Failure;

use super::failure::CallError;

/// Reason of a cause that names another manager (apimachinery `CauseTypeFieldManagerConflict`).
const CAUSE: &str = "FieldManagerConflict";
/// Managers that write again whatever is changed: taking their fields lasts until their next turn.
const RECONCILERS: [&str; 6] = [
    "argocd-controller",
    "argocd-application-controller",
    "kustomize-controller",
    "helm-controller",
    "flux",
    "sail-operator",
];
/// Fields named in one sentence at most.
const FIELDS_MAX: usize = 5;

/// What becomes of a field that another manager wants otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Theirs stays: nothing is written.
    Keep,
    /// It is taken from whoever wrote it once (an installer, a person), never from one that would write it again.
    TakeFromInstallers,
}

impl Others {
    /// Objections to applying an object, in words; an error that is no conflict of fields comes back.
    pub(super) fn objections(self, object: &str, error: CallError) -> Result<Vec<String>, Failure> {
        let conflicts = of(&error);
        if conflicts.is_empty() {
            return Err(error.into());
        }
        let counts =
            |manager: &str| self == Self::Keep || RECONCILERS.iter().any(|one| manager.starts_with(one));
        let mut managers: Vec<&str> = conflicts.iter().map(|(manager, _)| manager.as_str()).collect();
        managers.sort_unstable();
        managers.dedup();
        let told = managers.into_iter().filter(|manager| counts(manager)).map(|manager| {
            let own = conflicts.iter().filter(|(by, _)| by == manager);
            let mut fields: Vec<&str> = own.map(|(_, field)| field.as_str()).collect();
            let more = fields.len().saturating_sub(FIELDS_MAX);
            fields.truncate(FIELDS_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{object}: `{manager}` wants another {}{more}", fields.join(", "))
        });
        Ok(told.collect())
    }

    /// All objections as what became of the effect.
    pub(super) fn refusal(self, objections: &[String]) -> Failure {
        let what = match self {
            Self::Keep => {
                "is there already and is not what would be installed; nothing was written. Remove what is there, or \
                 render another revision"
            }
            Self::TakeFromInstallers => {
                "belongs to a controller that would change it back; nothing was written. Change it where that \
                 controller reads it, or suspend the controller"
            }
        };
        Failure::Refused { message: format!("{} ({what})", objections.join("; ")) }
    }
}

/// True if other managers want fields otherwise, and not only another write came first.
pub(super) fn is_of_managers(error: &CallError) -> bool {
    !of(error).is_empty()
}

/// Managers with the fields that they want otherwise.
fn of(error: &CallError) -> Vec<(String, String)> {
    let CallError::Answer { status, .. } = error else { return Vec::new() };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| cause.reason == CAUSE)
        .map(|cause| {
            // conflict with "helm" using v1 at 2026-01-02T03:04:05Z
            let manager = cause.message.split('"').nth(1).unwrap_or("somebody");
            (manager.to_owned(), cause.field.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    fn conflict(causes: &[(&str, &str)]) -> CallError {
        let causes: Vec<_> = causes
            .iter()
            .map(|(manager, field)| {
                json!({"reason": CAUSE, "message": format!("conflict with \"{manager}\" using v1"), "field": field})
            })
            .collect();
        let status = json!({"code": 409, "reason": "Conflict", "message": "Apply failed", "details": {"causes": causes}});
        let status: Status = serde_json::from_value(status).unwrap();
        CallError::Answer { request: "PATCH /x".into(), status: Box::new(status), retry_after_seconds: None }
    }

    #[test]
    fn installers_give_way_and_controllers_do_not() {
        let both = || conflict(&[("helm", ".spec.a"), ("kustomize-controller", ".spec.b")]);
        let told = Others::TakeFromInstallers.objections("Service/x", both()).unwrap();
        assert_eq!(told, ["Service/x: `kustomize-controller` wants another .spec.b"]);
        assert_eq!(Others::Keep.objections("Service/x", both()).unwrap().len(), 2);
        let helm = conflict(&[("helm", ".spec.a")]);
        assert_eq!(Others::TakeFromInstallers.objections("Service/x", helm), Ok(vec![]));
    }

    #[test]
    fn long_lists_of_fields_end_and_other_conflicts_stay_what_they_are() {
        let fields: Vec<String> = (0..9).map(|index| format!(".spec.f{index}")).collect();
        let causes: Vec<(&str, &str)> = fields.iter().map(|field| ("x", field.as_str())).collect();
        let told = Others::Keep.objections("Service/x", conflict(&causes)).unwrap();
        assert!(told[0].ends_with(".spec.f4 and 4 more"), "{told:?}");
        let other = Others::Keep.objections("Service/x", conflict(&[]));
        assert!(matches!(other, Err(Failure::Conflict { .. })), "{other:?}");
    }
}
