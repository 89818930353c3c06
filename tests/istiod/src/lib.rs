//! A stand-in for istiods and proxies, for tests on a real control plane.
//!
//! One process inside a cluster's namespaces follows the pods of all istiods, listens on their addresses and
//! answers as the recorded istiods did: the injection webhook, versions, metrics and the debug pages behind
//! the token check. For each injected pod a stand-in proxy has an ADS stream. README.md tells what is pinned to
//! recordings and what is fiction.
//!
//! ```text
//! Standin (in the test) ── orders ──► process: watch ──► Mirror ──► Reconciler: listeners, caBundles, roots,
//!                                                          │        port-forwards, proxies
//!                                       kube-apiserver ──► serve: /inject /validate /debug/… /metrics /version
//!                                               proxies ──► ads: one stream each, and one for whoever asks
//! ```

#![expect(clippy::disallowed_methods, reason = "a process among real clocks")]

mod ads;
mod behaviour;
mod bundle;
mod certificates;
mod debug;
mod error;
mod inject;
mod merge;
mod metrics;
mod mirror;
mod orders;
mod proxies;
mod reconcile;
mod serve;
mod shared;
mod standin;
mod token;
mod watch;

pub use behaviour::Behaviour;
pub use error::StandinError;
pub use orders::{Order, run};
pub use standin::Standin;
