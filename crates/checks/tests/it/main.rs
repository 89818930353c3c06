//! The checks against recorded meshes, against raw queries over them, and against meshes changed a little.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod agents;
mod any_json;
mod any_value;
mod backend_tls;
mod changes;
mod choices;
mod common;
mod config;
mod control_plane;
mod damaged;
mod definitions;
mod field_owners;
mod gateways;
mod golden;
mod grants;
mod machines;
mod mutations;
mod near_misses;
mod pages;
mod reach;
mod restarts;
mod routes;
mod seeds;
mod selection;
mod settings;
mod unknown;
mod whole;
