//! Live clusters, behind the ports: reads a mesh, carries effects out, keeps the journal in the cluster.
//!
//! The rest of meshlift is synchronous; this room owns the runtime on which its requests run.

pub mod clock;
pub mod connection;
pub mod world;

pub use connection::{Access, ConnectError, Connection};
pub use world::{Commands, Installable, LiveOptions, LiveWorld, Reach};
