//! Whole runs on a little world: forward, wrong, steered, resumed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answer;
mod bound;
mod forward;
mod gitops;
mod plan;
mod resume;
mod run;
mod steer;
mod strays;
mod workload;
mod world;
mod wrong;
