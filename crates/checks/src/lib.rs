//! Checks: from a mesh and an intent to findings. Pure.

pub mod assessment;
