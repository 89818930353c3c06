//! The verbs.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod plan;
pub(crate) mod rehearse;
pub(crate) mod snapshot;
