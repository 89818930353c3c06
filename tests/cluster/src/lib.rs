//! A real Kubernetes control plane for tests: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and
//! KWOK, each built from its own pinned source, in a network and process namespace of their own.
//!
//! Bring-up takes seconds, root or not, several side by side. The whole cluster ends with the process that
//! asked for it, however that ends: its processes live in a process namespace whose first process watches a pipe.

#![expect(clippy::disallowed_methods, reason = "a real cluster lives among clocks, files and processes")]

mod certificates;
mod cluster;
mod error;
mod forwards;
mod gate;
mod held;
mod load;
mod parts;
mod pods;
mod process;
mod proxy;
mod supervise;

pub use cluster::{Cluster, Options};
pub use error::ClusterError;
pub use forwards::forward_ports;
pub use held::{Held, down, hold, status, up};
pub use parts::{KUBERNETES, KUBERNETES_VARIABLE, Parts};
pub use pods::{PodsAre, READY_AFTER, STAYS, STOPS_AFTER};
pub use proxy::{Act, Fate, Fates, Proxy};
pub use supervise::supervise;
