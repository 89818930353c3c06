//! Rehearsals of recorded meshes.

mod faults;
mod injection;
mod rollback;
