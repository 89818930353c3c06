//! The traffic model: what clients lose while pods come and go (`docs/reference/traffic-model.md`).

mod clients;
mod corner;
mod figures;
pub mod life;
mod measure;
mod timeline;
mod timings;
mod views;

pub use clients::ClientClass;
pub use corner::{App, Corner, Pace};
pub use figures::{Loss, ServiceTraffic, Traffic, WorkloadTraffic, verdict};
pub use measure::measure;
pub use timings::{CornerTimings, known_millis};
