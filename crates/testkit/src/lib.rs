//! For tests of other rooms: recorded meshes under other names, with few of their workloads ([`only`]), and several
//! times over ([`enlarge`]); meshes without a hazard ([`clean_sidecars`], [`clean_ambient`]), and hazards to plant in
//! them ([`mutations`]); objects with every field ([`full`]), and meshes with all of these ([`World`]); and what a program
//! costs ([`measure`]).
//!
//! *No names are magic*: what meshlift says about a mesh depends on what its objects say, not on what they
//! are called. [`Renaming`] calls all revisions, tags and namespaces of a snapshot something else, in the
//! same order, everywhere: in labels, names, hosts, config text and istiods' answers. It also shuffles all
//! lists and gives every object another uid. Whatever is then derived from it must be the same but for the
//! names: [`Renaming::undo`] gives them back.
//!
//! ```no_run
//! # let snapshot = meshlift_model::snapshot::Snapshot::default();
//! # let say = |_: &meshlift_model::snapshot::Snapshot| serde_json::Value::Null;
//! let renaming = meshlift_testkit::Renaming::new(&snapshot, 7, &["1-30-3"]);
//! assert_eq!(renaming.undo(&say(&renaming.snapshot(&snapshot))), say(&snapshot));
//! ```

mod clean;
pub mod edit;
mod enlarge;
mod full;
mod intent;
mod measure;
pub mod mutations;
mod names;
mod only;
mod random;
mod rename;
mod replace;
mod worlds;

pub use clean::{clean_ambient, clean_sidecars};
pub use enlarge::enlarge;
pub use full::full;
pub use measure::{Measured, measure};
pub use only::only;
pub use rename::Renaming;
pub use worlds::{With, World, made};
