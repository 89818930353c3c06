//! Parts that objects hold in common, by number: a file has each of them once.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use meshlift_model::k8s::{
    Affinity, Container, ContainerStatus, Empty, Objects, OwnerReference, Part, Shared, StringMap,
    Toleration, TopologySpreadConstraint, Volume, for_each_part,
};
use meshlift_model::snapshot::{IstiodAnswers, SyncState};
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::redact::redact_shared;
use crate::sections::Section;

/// Number of a part that is empty: no table has it.
const EMPTY: u32 = 0;

/// More parts than objects of nearly all kinds have.
const NUMBERS_USUAL: usize = 16;

/// Numbers of an object's parts, read into room that is there at once: there is one such list for each line of a file.
pub(crate) struct Numbers(pub(crate) Vec<u32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ReadNumbers)
    }
}

struct ReadNumbers;

impl<'de> Visitor<'de> for ReadNumbers {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers of parts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::with_capacity(NUMBERS_USUAL);
        while let Some(number) = seq.next_element()? {
            numbers.push(number);
        }
        Ok(Numbers(numbers))
    }
}

/// One table for each kind of part.
#[derive(Default)]
pub(crate) struct Parts {
    maps: Table<StringMap>,
    owners: Table<Vec<OwnerReference>>,
    containers: Table<Vec<Container>>,
    volumes: Table<Vec<Volume>>,
    tolerations: Table<Vec<Toleration>>,
    affinities: Table<Affinity>,
    spreads: Table<Vec<TopologySpreadConstraint>>,
    statuses: Table<Vec<ContainerStatus>>,
    /// A file of format 2: pods have the states of their containers themselves, ConfigMaps their data.
    is_of_format_2: bool,
    /// States of proxies, by xDS type.
    states: Table<BTreeMap<String, SyncState>>,
}

/// Values from number 1 on.
struct Table<T> {
    values: Vec<Shared<T>>,
    /// Numbers by hash.
    numbers: BTreeMap<u64, Vec<u32>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: BTreeMap::new() }
    }
}

impl<T: Clone + Empty + Eq + Hash> Table<T> {
    /// Takes a part out of its place.
    fn take(&mut self, place: &mut Shared<T>) -> u32 {
        if **place == *T::EMPTY {
            return EMPTY;
        }
        let value = std::mem::take(place);
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let alike = self.numbers.entry(hasher.finish()).or_default();
        let known = alike.iter().find(|number| at(&self.values, **number) == Some(&value));
        known.copied().unwrap_or_else(|| {
            self.values.push(value);
            // A file of 4 billion different parts is over every limit.
            let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
            alike.push(number);
            number
        })
    }

    /// Puts a part back.
    fn put(&self, number: u32, place: &mut Shared<T>) -> Option<()> {
        if number != EMPTY {
            *place = at(&self.values, number)?.clone();
        } else if **place != *T::EMPTY {
            // A line that holds the part itself: it would be neither redacted nor shared.
            return None;
        }
        Some(())
    }
}

/// The value of a number.
fn at<T>(values: &[T], number: u32) -> Option<&T> {
    values.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

impl<T: Empty + Serialize> Table<T> {
    fn section(&self, name: &'static str) -> serde_json::Result<Section> {
        let lines = self.values.iter().map(serde_json::to_vec).collect::<Result<_, _>>()?;
        Ok(Section { name, lines })
    }
}

impl<T: Empty + DeserializeOwned + PartialEq> Table<T> {
    fn read(&mut self, line: &str, redact: impl FnOnce(&mut Shared<T>)) -> serde_json::Result<()> {
        let mut value: Shared<T> = serde_json::from_str(line)?;
        redact(&mut value);
        self.values.push(value);
        Ok(())
    }
}

impl Parts {
    /// Of a file in which pods have the states of their containers themselves, and ConfigMaps their data.
    pub(crate) fn of_format_2() -> Self {
        Self { is_of_format_2: true, ..Self::default() }
    }

    /// Takes the parts of objects out; their numbers, in order.
    pub(crate) fn take(&mut self, objects: &mut Objects) -> Vec<u32> {
        let mut numbers = Vec::new();
        for_each_part(objects, |part| {
            numbers.push(match part {
                Part::Map(place) | Part::Data(place) => self.maps.take(place),
                Part::Owners(place) => self.owners.take(place),
                Part::Containers(place) => self.containers.take(place),
                Part::Volumes(place) => self.volumes.take(place),
                Part::Tolerations(place) => self.tolerations.take(place),
                Part::Affinity(place) => self.affinities.take(place),
                Part::Spread(place) => self.spreads.take(place),
                Part::Statuses(place) => self.statuses.take(place),
            });
        });
        numbers
    }

    /// Puts the parts of objects back; `None` where a number is missing, or that of no part.
    pub(crate) fn put(&self, numbers: &[u32], objects: &mut Objects) -> Option<()> {
        let mut numbers = numbers.iter().copied();
        let mut all = Some(());
        for_each_part(objects, |part| {
            if self.is_of_format_2 && matches!(part, Part::Statuses(_) | Part::Data(_)) {
                return;
            }
            all = all.and_then(|()| {
                let number = numbers.next()?;
                match part {
                    Part::Map(place) | Part::Data(place) => self.maps.put(number, place),
                    Part::Owners(place) => self.owners.put(number, place),
                    Part::Containers(place) => self.containers.put(number, place),
                    Part::Volumes(place) => self.volumes.put(number, place),
                    Part::Tolerations(place) => self.tolerations.put(number, place),
                    Part::Affinity(place) => self.affinities.put(number, place),
                    Part::Spread(place) => self.spreads.put(number, place),
                    Part::Statuses(place) => self.statuses.put(number, place),
                }
            });
        });
        all.filter(|()| numbers.next().is_none())
    }

    /// Takes the states of an istiod's proxies out.
    pub(crate) fn take_states(&mut self, answers: &mut IstiodAnswers) -> Vec<u32> {
        let proxies = answers.syncz.iter_mut().flatten();
        proxies.map(|proxy| self.states.take(&mut proxy.types)).collect()
    }

    /// Puts them back, as [`Self::put`].
    pub(crate) fn put_states(&self, numbers: &[u32], answers: &mut IstiodAnswers) -> Option<()> {
        let proxies = answers.syncz.as_deref_mut().unwrap_or_default();
        if proxies.len() != numbers.len() {
            return None;
        }
        proxies
            .iter_mut()
            .zip(numbers)
            .try_for_each(|(proxy, number)| self.states.put(*number, &mut proxy.types))
    }

    /// All tables, for a file: they come before the objects.
    pub(crate) fn sections(&self) -> serde_json::Result<Vec<Section>> {
        Ok(vec![
            self.maps.section("parts/maps")?,
            self.owners.section("parts/owners")?,
            self.containers.section("parts/containers")?,
            self.volumes.section("parts/volumes")?,
            self.tolerations.section("parts/tolerations")?,
            self.affinities.section("parts/affinities")?,
            self.spreads.section("parts/spreads")?,
            self.statuses.section("parts/statuses")?,
            self.states.section("parts/states")?,
        ])
    }

    /// Reads a line of a table, redacted as all that is read; `None` for other sections.
    pub(crate) fn read(&mut self, section: &str, line: &str) -> Option<serde_json::Result<()>> {
        Some(match section {
            "parts/maps" => self.maps.read(line, |one| redact_shared(Part::Map(one))),
            "parts/owners" => self.owners.read(line, |one| one.shrink_to_fit()),
            "parts/containers" => self.containers.read(line, |one| redact_shared(Part::Containers(one))),
            "parts/volumes" => self.volumes.read(line, |one| redact_shared(Part::Volumes(one))),
            "parts/tolerations" => self.tolerations.read(line, |_| ()),
            "parts/affinities" => self.affinities.read(line, |_| ()),
            "parts/spreads" => self.spreads.read(line, |_| ()),
            "parts/statuses" => self.statuses.read(line, |_| ()),
            "parts/states" => self.states.read(line, |_| ()),
            _ => return None,
        })
    }
}
