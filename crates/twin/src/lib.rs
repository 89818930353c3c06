//! The digital twin: a Kubernetes cluster in one process, in virtual time.
//!
//! ```text
//! Snapshot ── Twin::load ──► Cluster { Store, Admission, quota, eviction }
//!                               ▲ writes               │ log of changes
//!                               │                      ▼
//!                        Actor::sync(key)  ◄── turns ── Actor::watch(change)
//! ```
//!
//! - [`Store`]: objects, versions, and the ordered log that watches, checkers and actors read.
//! - [`Cluster`]: the store with what the API server does around it: admission, quota, eviction, dry runs.
//! - [`Actor`]: whatever acts by itself. Kubernetes' controllers, the scheduler and the kubelets are actors;
//!   istiods, proxies and clients are added with [`Twin::add_actor`].
//! - [`Twin`]: the event loop. Time is [`meshlift_model::time::Time`], moved from turn to turn; the seed draws
//!   each informer's lag and picks among actors that are ready at once. Same seed, same bytes.
//!
//! Plugged in from outside: [`Admission`] (the mutating webhooks) and [`PodTimings`] (how long pods take).
//! Ports write to [`Twin::cluster`] and let time pass with [`Twin::step`] or [`Twin::run_until`].

mod actor;
pub mod admission;
pub mod checkers;
mod cluster;
mod controllers;
mod error;
pub mod faults;
pub mod istiod;
mod kubelet;
mod load;
mod quota;
mod requests;
mod scheduler;
pub mod seed;
mod store;
pub mod traffic;
mod twin;
pub mod witness;
pub mod world;

pub use actor::{Actor, CloneActor, Requeue, Wakes};
pub use cluster::{Admission, AdmitAsIs, CloneAdmission, Cluster, Config, Quirks, Rejected};
pub use error::ApiError;
pub use kubelet::{CloneTimings, Kubelet, PodStart, PodTimings, SteadyTimings};
pub use store::{Change, ChangeKind, DeleteOptions, Propagation, Store, reference};
pub use twin::Twin;
