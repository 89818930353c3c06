//! A map for questions that come in the order of its keys.

use std::borrow::Borrow;
use std::cell::Cell;
use std::cmp::Ordering;

/// A map that is built once and asked in the order of its keys as a rule, about pods one after another: see [`beside`].
/// Most questions then take a comparison or two, and touch nothing far away.
#[derive(Debug)]
pub struct InOrder<K, V> {
    /// In the order of their keys, each of which is there once.
    entries: Vec<(K, V)>,
    /// Place of the last answer.
    last: Cell<usize>,
}

/// The entry of a sorted list that is equal to what is looked for. The search goes on from the last answer, in steps that
/// double: it takes as long as the way is far, and lists are asked about one entry after another, but for a few. (Bentley
/// and Yao, "An almost optimal algorithm for unbounded searching", 1976.)
pub fn beside<'l, T>(list: &'l [T], last: &Cell<usize>, order: impl Fn(&'l T) -> Ordering) -> Option<&'l T> {
    let start = last.get().min(list.len().saturating_sub(1));
    let (mut from, mut to, mut step) = (start, list.len(), 1);
    while let Some(one) = list.get(from + step - 1) {
        let place = from + step - 1;
        match order(one) {
            Ordering::Equal => {
                last.set(place);
                return Some(one);
            }
            Ordering::Less => (from, step) = (place + 1, step * 2),
            Ordering::Greater => {
                to = place;
                break;
            }
        }
    }
    // Already the last answer is greater: what is looked for comes before it.
    let from = if to == start { 0 } else { from };
    let found = list.get(from..to)?.binary_search_by(order);
    let (Ok(near) | Err(near)) = found;
    last.set(from + near);
    list.get(from + near).filter(|_| found.is_ok())
}

impl<K: Ord, V> InOrder<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key as it is here, and its value.
    pub fn entry<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&(K, V)>
    where
        K: Borrow<Q>,
    {
        beside(&self.entries, &self.last, |(one, _)| one.borrow().cmp(key))
    }

    /// True if there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// All, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }
}

impl<K, V> IntoIterator for InOrder<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for InOrder<K, V> {
    /// Of entries in any order; of several with one key, the last stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { entries: sorted(entries.into_iter().collect()), last: Cell::default() }
    }
}

/// Entries in the order of their keys; of several with one key, the last stays.
pub(crate) fn sorted<K: Ord, V>(mut entries: Vec<(K, V)>) -> Vec<(K, V)> {
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            std::mem::swap(next, kept);
        }
        same
    });
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_answers_as_any_map_does(
            entries in proptest::collection::vec((0..30_u8, any::<u8>()), 0..40),
            questions in proptest::collection::vec(0..32_u8, 0..60),
        ) {
            let known: BTreeMap<u8, u8> = entries.iter().copied().collect();
            let map: InOrder<u8, u8> = entries.into_iter().collect();
            for key in questions {
                prop_assert_eq!(map.get(&key), known.get(&key));
            }
            prop_assert!(map.iter().eq(known.iter()));
        }
    }
}
