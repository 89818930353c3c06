//! What a folder holds and meshlift does not read: no problem, but worth knowing.

use std::collections::BTreeMap;

use serde_ignored::Path;

/// Content of a folder that no type of meshlift reads. Empty for meshlift's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// By resource, then by field path (`spec.containers[].securityContext`): in how many objects it was.
    pub unread_fields: BTreeMap<String, BTreeMap<String, usize>>,
    /// Lists of kinds that meshlift does not read, with their counts.
    pub unread_kinds: BTreeMap<String, usize>,
    /// Other files among the lists.
    pub unread_files: Vec<String>,
}

/// A field path with list indices collapsed, so that all items of a list count together.
pub(crate) fn collapse(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, .. } => collapse(parent) + "[]",
        Path::Map { parent, key } => {
            let parent = collapse(parent);
            if parent.is_empty() { key.clone() } else { format!("{parent}.{key}") }
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            collapse(parent)
        }
    }
}
