//! Damaged lists, as an API server or a file may hold them: they are read or refused, and never end the program.
//!
//! The test command tries a bounded number of them; `fuzz/` has the same target for as long as one likes, guided by
//! coverage.

use std::sync::{Arc, OnceLock};

use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{KINDS, KindInfo, KindWork, Objects, Resource, with_kind};
use meshlift_model::snapshot::Snapshot;
use meshlift_snapshot::live::{Gathered, ListPages};
use meshlift_testkit::mutations::Base;
use serde::Serialize;

/// What is put into a list: syntax, numbers at the edge, words that decoders and checks look for.
const WORDS: [&str; 20] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e999",
    "9223372036854775808",
    "\"\"",
    "\"100%\"",
    "\"-0\"",
    "\"9999999999999999999Ei\"",
    "\"a/b:c@d\"",
    "\"1.29\"",
    "\"\\ud800\"",
    "\"2026-13-45T99:99:99Z\"",
    "\u{0}",
];

/// A clean mesh, and the list of each kind of which it has objects, as JSON.
struct Seed {
    mesh: Snapshot,
    lists: Vec<(KindInfo, Vec<u8>)>,
}

impl Seed {
    fn new(base: Base) -> Self {
        let mesh = base.clean(&meshlift_snapshot::fixtures::cluster(base.recording()).unwrap());
        let list = |kind: &KindInfo| {
            let items = with_kind(kind.resource, Items(&mesh.objects)).unwrap();
            let list = format!(r#"{{"kind": "List", "metadata": {{}}, "items": [{}]}}"#, items.join(","));
            (!items.is_empty()).then(|| (*kind, list.into_bytes()))
        };
        let lists = KINDS.iter().filter_map(list).collect();
        Self { mesh, lists }
    }

    /// Judges the mesh with one of its lists damaged as the bytes say: four of them for each edit.
    fn judge(&self, bytes: &[u8]) {
        let Some((which, edits)) = bytes.split_first() else { return };
        let (kind, list) = &self.lists[usize::from(*which) % self.lists.len()];
        let mut list = list.clone();
        edits.chunks_exact(4).take(8).for_each(|edit| damage(&mut list, edit));
        let mut pages = ListPages::new(kind.resource, "/");
        if pages.add(&list).is_err() {
            return;
        }
        let mut read = Gathered::default();
        read.lists.insert(kind.resource.to_owned(), Ok(pages));
        let mut objects = read.into_snapshot().objects;
        let mut mesh = self.mesh.clone();
        with_kind(kind.resource, Replace { with: &mut objects, of: &mut mesh.objects });
        let mesh = Mesh::derive(Arc::new(mesh));
        for target in ["1.30.3", "1.31.1"] {
            let target = target.parse().unwrap();
            let assessment = meshlift_checks::assess(&mesh, &Intent::default(), Some(&target));
            assert!(assessment.findings.iter().all(|finding| !finding.detail.is_empty()));
        }
    }
}

fn damage(list: &mut Vec<u8>, edit: &[u8]) {
    let [high, low, what, how] = *edit else { return };
    if list.is_empty() {
        return;
    }
    let at = usize::from(u16::from_be_bytes([high, low])) * list.len() / (1 << 16);
    let end = (at + usize::from(how % 16)).min(list.len());
    match what % 4 {
        0 => list[at] = how,
        1 => drop(list.drain(at..end)),
        2 => {
            let again = list[at..end].to_vec();
            drop(list.splice(at..at, again));
        }
        _ => drop(list.splice(at..end, WORDS[usize::from(how) % WORDS.len()].bytes())),
    }
}

struct Items<'a>(&'a Objects);

impl KindWork for Items<'_> {
    type Output = Vec<String>;

    fn run<R: Resource + Serialize>(self) -> Vec<String> {
        R::list(self.0).iter().map(|object| serde_json::to_string(object).unwrap()).collect()
    }
}

struct Replace<'a> {
    with: &'a mut Objects,
    of: &'a mut Objects,
}

impl KindWork for Replace<'_> {
    type Output = ();

    fn run<R: Resource>(self) {
        *R::list_mut(self.of) = std::mem::take(R::list_mut(self.with));
    }
}

/// Judges a mesh with a list damaged as the bytes say. Panics are what is looked for.
pub(crate) fn judge(bytes: &[u8]) {
    static SEEDS: OnceLock<[Seed; 3]> = OnceLock::new();
    let seeds = SEEDS.get_or_init(|| Base::ALL.map(Seed::new));
    if let Some((which, rest)) = bytes.split_first() {
        seeds[usize::from(*which) % seeds.len()].judge(rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn damaged_lists_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..34)) {
            super::judge(&bytes);
        }
    }
}
