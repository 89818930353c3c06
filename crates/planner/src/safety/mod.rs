//! Predicates that say what may be done, apart from the rules that say when.

pub(crate) mod cures;
pub(crate) mod moves;
pub(crate) mod needs;
pub(crate) mod render;
pub(crate) mod settings;
