//! Derived truth: from a snapshot alone, who injects which pod, what each proxy runs, who owns each
//! gateway, who follows which tag, how it was installed, what restarts what.
//!
//! The one place that knows Istio's selection rules. Pure: the same snapshot gives the same mesh.

pub mod facts;

pub use facts::*;
