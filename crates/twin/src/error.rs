//! What the simulated API server answers when it refuses.

use meshlift_model::names::ObjectRef;

/// A refusal, in the words of kube-apiserver (`k8s.io/apimachinery/pkg/api/errors`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 404: there is no such object.
    #[error("{0} not found")]
    NotFound(ObjectRef),
    /// 409: a create for a name that is taken.
    #[error("{0} already exists")]
    AlreadyExists(ObjectRef),
    /// 409: the write carried a resourceVersion or uid that is not the stored one.
    #[error("Operation cannot be fulfilled on {object}: {reason}")]
    Conflict {
        /// Object of the write.
        object: ObjectRef,
        /// What did not match.
        reason: String,
    },
    /// 403: quota or policy refused it; the message is the whole answer.
    #[error("{message}")]
    Forbidden {
        /// Message of the API server.
        message: String,
    },
    /// 500 or the webhook's own code: an admission webhook refused it or could not be called.
    #[error("{message}")]
    Rejected {
        /// Message of the API server.
        message: String,
    },
    /// 429: an eviction would violate a disruption budget.
    #[error("Cannot evict pod as it would violate the pod's disruption budget.")]
    DisruptionBudget {
        /// The budget that has no disruption left.
        budget: ObjectRef,
    },
    /// 422: the object cannot be stored as it is.
    #[error("{object} is invalid: {reason}")]
    Invalid {
        /// Object of the write.
        object: ObjectRef,
        /// What is wrong.
        reason: String,
    },
}

impl ApiError {
    /// HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::AlreadyExists(_) | Self::Conflict { .. } => 409,
            Self::Forbidden { .. } => 403,
            Self::Rejected { .. } => 500,
            Self::DisruptionBudget { .. } => 429,
            Self::Invalid { .. } => 422,
        }
    }

    /// True for a stale write.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// True where the object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}
