//! Values that many objects hold alike, kept once: the pods of a workload have the same containers and labels.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Container, ObjectMeta, Objects, OwnerReference, PodSpec, StringMap, Toleration, Volume};

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
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let alike = self.0.entry(hasher.finish()).or_default();
        match alike.iter().find(|known| *known == value) {
            Some(found) => *value = found.clone(),
            None => alike.push(value.clone()),
        }
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

impl Shared<StringMap> {
    /// As [`std::collections::BTreeMap::retain`]; where all is kept, it stays shared.
    pub fn retain(&mut self, keep: impl Fn(&String, &String) -> bool) {
        if !self.iter().all(|(key, value)| keep(key, value)) {
            Arc::make_mut(&mut self.0).retain(|key, value| keep(key, value));
        }
    }

    /// As [`std::collections::BTreeMap::remove`]; where there is no such key, it stays shared.
    pub fn remove(&mut self, key: &str) -> Option<String> {
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

/// Finds equal values and keeps one of each.
#[derive(Debug, Default)]
pub struct Sharing {
    containers: Known<Vec<Container>>,
    volumes: Known<Vec<Volume>>,
    tolerations: Known<Vec<Toleration>>,
    maps: Known<StringMap>,
    owners: Known<Vec<OwnerReference>>,
}

impl Sharing {
    /// Lets all objects share what they hold alike, with each other and with those of earlier calls.
    pub fn share(&mut self, objects: &mut Objects) {
        objects.for_each_meta(|meta| self.meta(meta));
        objects.pods.iter_mut().for_each(|pod| self.spec(&mut pod.spec));
        objects.templates_mut().for_each(|template| {
            self.meta(&mut template.metadata);
            self.spec(&mut template.spec);
        });
    }

    fn meta(&mut self, meta: &mut ObjectMeta) {
        self.maps.join(&mut meta.labels);
        self.maps.join(&mut meta.annotations);
        self.owners.join(&mut meta.owner_references);
    }

    fn spec(&mut self, spec: &mut PodSpec) {
        self.containers.join(&mut spec.containers);
        self.containers.join(&mut spec.init_containers);
        self.volumes.join(&mut spec.volumes);
        self.tolerations.join(&mut spec.tolerations);
    }
}
