//! The traffic model: what clients lose while pods come and go (`docs/reference/traffic-model.md`).

mod corner;
pub mod life;
mod timings;

pub use corner::{App, Corner, Pace};
pub use timings::{CornerTimings, known_millis};
