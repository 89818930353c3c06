//! The checks against recorded meshes, against raw queries over them, and against meshes changed a little.

mod common;
mod golden;
mod pages;
