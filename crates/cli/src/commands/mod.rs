//! The verbs.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod cleanup;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod plan;
pub(crate) mod rehearse;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod steer;
pub(crate) mod versions;
