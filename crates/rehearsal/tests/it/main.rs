//! Rehearsals of recorded meshes.

mod injection;
