//! The traffic model: what clients lose while pods come and go (`docs/reference/traffic-model.md`).

mod clients;
mod corner;
pub mod life;
mod measure;
mod timeline;
mod timings;
mod views;

pub use clients::ClientClass;
pub use corner::{App, Corner, Pace};
pub use measure::{Loss, ServiceTraffic, Traffic, WorkloadTraffic, measure};
pub use timings::{CornerTimings, known_millis};
