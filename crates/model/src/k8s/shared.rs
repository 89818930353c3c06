//! Values that many objects hold alike, kept once: the pods of a workload have the same containers and labels.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that others may hold too. It reads as the value; whoever changes it gets a copy of its own first.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shared<T>(Arc<T>);

/// Values that are known, one of each, by their hash.
#[derive(Debug)]
pub struct Known<T>(BTreeMap<u64, Vec<Shared<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Eq + Hash> Known<T> {
    /// Makes a value one with the equal one that is known, or makes it known.
    pub fn join(&mut self, value: &mut Shared<T>) {
        self.join_fitted(value, |_| ());
    }

    /// As [`Self::join`]; a value that is new, and nobody's but this one's, is fitted first: it takes less room, and
    /// stays equal.
    pub fn join_fitted(&mut self, value: &mut Shared<T>, fit: impl FnOnce(&mut T)) {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let alike = self.0.entry(hasher.finish()).or_default();
        match alike.iter().find(|known| *known == value) {
            Some(found) => *value = found.clone(),
            None => {
                if let Some(own) = Arc::get_mut(&mut value.0) {
                    fit(own);
                }
                alike.push(value.clone());
            }
        }
    }
}

impl<T> Shared<T> {
    /// True if both hold one and the same value. Where it is false, they may still be equal.
    #[must_use]
    pub fn is_one_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Clone> Shared<Vec<T>> {
    /// As [`Vec::retain`]; where all is kept, it stays shared.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        if !self.iter().all(&keep) {
            Arc::make_mut(&mut self.0).retain(keep);
        }
    }
}

impl<V: Clone> Shared<BTreeMap<String, V>> {
    /// As [`std::collections::BTreeMap::retain`]; where all is kept, it stays shared.
    pub fn retain(&mut self, keep: impl Fn(&String, &V) -> bool) {
        if !self.iter().all(|(key, value)| keep(key, value)) {
            Arc::make_mut(&mut self.0).retain(|key, value| keep(key, value));
        }
    }

    /// As [`std::collections::BTreeMap::remove`]; where there is no such key, it stays shared.
    pub fn remove(&mut self, key: &str) -> Option<V> {
        if self.contains_key(key) { Arc::make_mut(&mut self.0).remove(key) } else { None }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: FromIterator<A>, A> FromIterator<A> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = A>>(items: I) -> Self {
        T::from_iter(items).into()
    }
}

impl<'a, T> IntoIterator for &'a Shared<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&**self).into_iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a mut Shared<T>
where
    &'a mut T: IntoIterator,
{
    type Item = <&'a mut T as IntoIterator>::Item;
    type IntoIter = <&'a mut T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&mut **self).into_iter()
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[i32]) -> Shared<Vec<i32>> {
        items.iter().copied().collect()
    }

    #[test]
    fn equal_values_become_one_until_somebody_changes_one() {
        let (mut first, mut second, mut other) = (list(&[1, 2]), list(&[1, 2]), list(&[3]));
        let mut known = Known::default();
        for value in [&mut first, &mut second, &mut other] {
            known.join(value);
        }
        assert!(Arc::ptr_eq(&first.0, &second.0) && !Arc::ptr_eq(&first.0, &other.0));
        second.push(3);
        assert_eq!((first.as_slice(), second.as_slice()), (&[1, 2][..], &[1, 2, 3][..]));
    }

    #[test]
    fn what_takes_nothing_away_ends_no_sharing() {
        let first = list(&[1, 2]);
        let mut second = first.clone();
        second.retain(|one| *one > 0);
        assert!(Arc::ptr_eq(&first.0, &second.0));
        second.retain(|one| *one > 1);
        assert_eq!((first.len(), second.as_slice()), (2, &[2][..]));

        let first: Shared<BTreeMap<String, i32>> = std::iter::once(("a".to_owned(), 1)).collect();
        let mut second = first.clone();
        assert_eq!(second.remove("b"), None);
        second.retain(|key, _| key == "a");
        assert!(Arc::ptr_eq(&first.0, &second.0));
        assert_eq!((second.remove("a"), first.len(), second.len()), (Some(1), 1, 0));
    }
}
