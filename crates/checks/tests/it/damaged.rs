//! Damaged lists, as an API server or a file may hold them: they are read or refused, and never end the program.
//!
//! The test command tries a bounded number of them; `fuzz/` has the same target for as long as one likes, guided by
//! coverage.

use meshlift_model::k8s::KINDS;
use meshlift_snapshot::live::ListPages;

use crate::seeds::{list, replace, seeds};

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

/// Judges a mesh with a list damaged as the bytes say: one for its kind, one for the mesh, then four for each edit. Panics
/// are what is looked for.
pub(crate) fn judge(bytes: &[u8]) {
    let [kind, world, edits @ ..] = bytes else { return };
    let kind = &KINDS[usize::from(*kind) % KINDS.len()];
    let lists = seeds().lists(kind);
    let place = usize::from(*world).checked_rem(lists.len());
    let Some((world, items)) = place.and_then(|place| lists.iter().nth(place)) else { return };
    let mut list = list(items.iter().map(|item| item.json.as_str())).into_bytes();
    edits.chunks_exact(4).take(8).for_each(|edit| damage(&mut list, edit));
    let mut pages = ListPages::new(kind.resource, "/");
    if pages.add(&list).is_ok() {
        let mut mesh = seeds().mesh(*world);
        replace(&mut mesh, kind, pages);
        seeds().judge(*world, mesh);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn damaged_lists_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..34)) {
            super::judge(&bytes);
        }
    }
}
