//! Live clusters, behind the ports: reads a mesh, carries effects out, keeps the journal in the cluster.
//!
//! The rest of meshlift is synchronous; this room owns the runtime on which its requests run.

mod body;
pub mod clock;
pub mod collect;
pub mod connection;
pub mod istiods;
mod line;
pub mod record;
pub mod refusal;
#[cfg(test)]
mod testing;
mod tls;
mod webhook;
pub mod world;

pub use collect::{CollectError, collect};
pub use connection::{Access, ConnectError, Connection};
pub use line::Way;
pub use world::{Actor, Commands, Installable, LiveOptions, LiveWorld, fresh, tag_documents};
