//! Values that many objects hold alike, kept once: the pods of a workload have the same containers and labels.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::StringMap;

/// A value that others may hold too. It reads as the value; whoever changes it gets a copy of its own first. Most
/// fields of most objects are empty: such a one takes no memory of its own.
pub struct Shared<T>(Option<Arc<T>>);

/// What a [`Shared`] reads as while nobody has put anything there.
pub trait Empty: Sized + 'static {
    /// The empty value.
    const EMPTY: &'static Self;
}

impl<T: 'static> Empty for Vec<T> {
    const EMPTY: &'static Self = &Self::new();
}

impl<K: 'static, V: 'static> Empty for BTreeMap<K, V> {
    const EMPTY: &'static Self = &Self::new();
}

impl Empty for Value {
    const EMPTY: &'static Self = &Self::Null;
}

/// Values that are known, one of each, by their hash.
#[derive(Debug)]
pub struct Known<T>(BTreeMap<u64, Vec<Arc<T>>>);

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
        let Some(value) = &mut value.0 else { return };
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let alike = self.0.entry(hasher.finish()).or_default();
        match alike.iter().find(|known| *known == value) {
            Some(found) => *value = Arc::clone(found),
            None => {
                if let Some(own) = Arc::get_mut(value) {
                    fit(own);
                }
                alike.push(Arc::clone(value));
            }
        }
    }
}

impl<T> Shared<T> {
    /// True if both hold one and the same value. Where it is false, they may still be equal.
    #[must_use]
    pub fn is_one_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl<T: Clone + 'static> Shared<Vec<T>> {
    /// As [`Vec::retain`]; where all is kept, it stays shared.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        if !self.iter().all(&keep) {
            (**self).retain(keep);
        }
    }
}

impl Shared<StringMap> {
    /// Keeps some entries; where all are kept, it stays shared.
    pub fn retain(&mut self, keep: impl Fn(&String, &String) -> bool) {
        if !self.iter().all(|(key, value)| keep(key, value)) {
            (**self).retain(|key, value| keep(key, value));
        }
    }

    /// Removes an entry; where there is no such key, it stays shared.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        if self.contains_key(key) { (**self).remove(key) } else { None }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Empty> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty + Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(self.0.get_or_insert_with(|| Arc::new(T::EMPTY.clone())))
    }
}

impl<T: Empty + PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is_one_with(other) || **self == **other
    }
}

impl<T: Empty + Eq> Eq for Shared<T> {}

impl<T: Empty + PartialOrd> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Empty + Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Empty + Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Some(Arc::new(value)))
    }
}

impl<T: Empty + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: FromIterator<A>, A> FromIterator<A> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = A>>(items: I) -> Self {
        T::from_iter(items).into()
    }
}

impl<'a, T: Empty> IntoIterator for &'a Shared<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&**self).into_iter()
    }
}

impl<'a, T: Empty + Clone> IntoIterator for &'a mut Shared<T>
where
    &'a mut T: IntoIterator,
{
    type Item = <&'a mut T as IntoIterator>::Item;
    type IntoIter = <&'a mut T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&mut **self).into_iter()
    }
}

impl<T: Empty + Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl<'de, T: Deserialize<'de> + Empty + PartialEq> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = T::deserialize(deserializer)?;
        Ok(if value == *T::EMPTY { Self(None) } else { value.into() })
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
        assert!(first.is_one_with(&second) && !first.is_one_with(&other));
        second.push(3);
        assert_eq!((first.as_slice(), second.as_slice()), (&[1, 2][..], &[1, 2, 3][..]));
    }

    #[test]
    fn what_is_empty_is_equal_and_one_however_it_came_about() {
        let (none, emptied) = (Shared::<Vec<i32>>::default(), list(&[]));
        assert!(none == emptied && none.is_one_with(&Shared::default()));
        let mut filled = none.clone();
        filled.push(1);
        assert_eq!((none.as_slice(), filled.as_slice()), (&[][..], &[1][..]));
    }

    #[test]
    fn what_takes_nothing_away_ends_no_sharing() {
        let first = list(&[1, 2]);
        let mut second = first.clone();
        second.retain(|one| *one > 0);
        assert!(first.is_one_with(&second));
        second.retain(|one| *one > 1);
        assert_eq!((first.len(), second.as_slice()), (2, &[2][..]));

        let first: Shared<StringMap> = std::iter::once(("a".to_owned(), "1".to_owned())).collect();
        let mut second = first.clone();
        assert_eq!(second.remove("b"), None);
        second.retain(|key, _| key == "a");
        assert!(first.is_one_with(&second));
        assert_eq!((second.remove("a"), first.len(), second.len()), (Some("1".to_owned()), 1, 0));
    }
}
