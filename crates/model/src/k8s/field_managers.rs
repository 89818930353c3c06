//! Who wrote which fields, as far as somebody asks.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Shared, StringMap};
use crate::text::read_text;
use crate::word::Word;

/// Fields of webhooks that several managers are known to write.
const KEPT: [&str; 2] = ["failurePolicy", "namespaceSelector"];
/// What a field's name has before it (`fieldpath.PathElement` of structured-merge-diff).
const FIELD: &str = "f:";

api! {
    /// `metav1.ManagedFieldsEntry`.
    pub struct FieldManager {
        /// Its name.
        pub manager: Word,
        /// `Apply` or `Update`.
        pub operation: Word,
        /// What it owns.
        pub fields_v1: OwnedFields,
    }
}

/// `metadata.managedFields` of an object of which somebody owns a field that is kept; else nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct FieldManagers(Shared<Vec<FieldManager>>);

impl Deref for FieldManagers {
    type Target = [FieldManager];

    fn deref(&self) -> &[FieldManager] {
        &self.0
    }
}

impl FromIterator<FieldManager> for FieldManagers {
    fn from_iter<I: IntoIterator<Item = FieldManager>>(all: I) -> Self {
        let all: Vec<FieldManager> = all.into_iter().collect();
        let is_asked_for = all.iter().any(|one| !one.fields_v1.0.is_empty());
        Self(if is_asked_for { all.into() } else { Shared::default() })
    }
}

impl<'de> Deserialize<'de> for FieldManagers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Names of fields at any depth of an object, without the path that leads there: `failurePolicy`, `namespaceSelector`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnedFields(BTreeSet<&'static str>);

impl FieldManager {
    /// One that owns these fields, as far as they are kept.
    #[must_use]
    pub fn new(manager: &str, operation: &str, fields: &[&str]) -> Self {
        let kept = KEPT.into_iter().filter(|kept| fields.contains(kept)).collect();
        Self { manager: manager.into(), operation: operation.into(), fields_v1: OwnedFields(kept) }
    }
}

impl OwnedFields {
    /// The names, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

impl Serialize for OwnedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(self.0.len()))?;
        for name in &self.0 {
            fields.serialize_entry(&format!("{FIELD}{name}"), &StringMap::new())?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for OwnedFields {
    /// Every object of a cluster has such fields, and nearly none has one that is kept: none of them is copied to be looked
    /// at. What is no object has no fields.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = OwnedFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedFields, A::Error> {
        let mut owned = OwnedFields::default();
        while let Some((Name(own), within)) = map.next_entry::<Name, OwnedFields>()? {
            owned.0.extend(own);
            owned.0.extend(within.0);
        }
        Ok(owned)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OwnedFields, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(OwnedFields::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_unit<E>(self) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }
}

/// The name of a field, if it is kept.
struct Name(Option<&'static str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |name| {
            Ok::<_, Infallible>(Self(KEPT.into_iter().find(|kept| name.strip_prefix(FIELD) == Some(kept))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_are_kept_where_one_owns_a_field_that_is_asked_for() {
        let json = r#"[
            {"manager": "helm", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:webhooks": {
                "k:{\"name\":\"rev.validation.istio.io\"}": {".": {}, "f:failurePolicy": {}, "f:rules": {}}}}},
            {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}}},
            {"manager": "odd", "operation": "Update", "fieldsV1": [1]}
        ]"#;
        assert!(
            serde_json::from_str::<FieldManagers>(&json.replace("f:failurePolicy", "f:other"))
                .unwrap()
                .is_empty()
        );
        let managers: FieldManagers = serde_json::from_str(json).unwrap();
        let owned: Vec<(&str, Vec<&str>)> =
            managers.iter().map(|one| (one.manager.as_str(), one.fields_v1.iter().collect())).collect();
        assert_eq!(owned, [("helm", vec!["failurePolicy"]), ("kubectl", vec![]), ("odd", vec![])]);
        let again: FieldManagers = serde_json::from_str(&serde_json::to_string(&managers).unwrap()).unwrap();
        assert_eq!(again, managers);
    }
}
