//! Renderers: from what other rooms found out to text. Pure; they return strings and print nothing.
//!
//! Each says what is known, what is not known, and what to do next. None ever promises that nothing can
//! be lost: a rehearsal says what was tried, and under which assumptions.

pub mod check;
pub mod events;
pub mod failure;
pub mod inspect;
pub mod junit;
mod page;
pub mod patches;
pub mod plan;
pub mod rehearsal;
pub mod sarif;
pub mod status;
pub mod text;
pub mod versions;
pub mod words;
