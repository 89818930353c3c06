//! Derived truth: from a snapshot alone, who injects which pod, what each proxy runs, who owns each
//! gateway, who follows which tag, how it was installed, what restarts what.
//!
//! The one place that knows Istio's selection rules. Pure: the same snapshot gives the same mesh.

mod ambient;
mod asked;
pub mod bare;
mod belongings;
mod by_label;
mod connection;
mod control;
mod derive;
mod drafts;
pub mod facts;
mod followers;
mod gateways;
mod in_order;
mod index;
mod injected;
mod injector;
mod install;
mod native;
mod other_clusters;
mod owner;
mod pods;
pub mod projection;
mod proxy;
mod revisions;
mod rollout;
pub mod root_ca;
mod settings;
mod tags;
mod workloads;

pub use bare::BarePod;
pub use belongings::objects_of_revision;
pub use by_label::{Selected, Selectors};
pub use facts::*;
pub use in_order::{InOrder, beside};
pub use index::{by_namespace, selectors};
pub use other_clusters::{is_remote, other_clusters};
pub use owner::{KnownPod, by_owner};
pub use projection::{Edit, project};
