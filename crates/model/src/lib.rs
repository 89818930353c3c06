//! The nouns of meshlift.
//!
//! Everything here is data: no clock, no files, no network, no randomness. Other rooms give these types
//! behaviour. What is written down carries a `format_version`.

#[macro_use]
pub mod k8s;
pub mod action;
pub mod defaults;
pub mod digest;
pub mod effect;
pub mod event;
pub mod finding;
pub mod injection;
pub mod intent;
pub mod journal;
pub mod manifest;
pub mod names;
pub mod outline;
pub mod plan;
pub mod plant;
pub mod quantity;
pub mod rules;
pub mod run_report;
pub mod selector;
pub mod series;
pub mod snapshot;
pub mod tag_objects;
mod text;

pub use ecow::EcoString;
pub mod time;
pub mod traffic_constants;
pub mod upgrade_path;
pub mod view;
pub mod word;
