//! Who wrote which fields, as far as somebody asks.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Shared;
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

impl OwnedFields {
    /// Of some names, those that are kept.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self(KEPT.into_iter().filter(|kept| names.contains(kept)).collect())
    }

    /// The names, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    fn collect(&mut self, fields: &Value) {
        for (name, within) in fields.as_object().into_iter().flatten() {
            let own = name.strip_prefix(FIELD);
            self.0.extend(KEPT.into_iter().find(|kept| own == Some(*kept)));
            self.collect(within);
        }
    }
}

impl Serialize for OwnedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(self.0.len()))?;
        for name in &self.0 {
            fields.serialize_entry(&format!("{FIELD}{name}"), &Value::Object(serde_json::Map::new()))?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for OwnedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Self::default();
        // As deep as the reader lets a value be.
        fields.collect(&Value::deserialize(deserializer)?);
        Ok(fields)
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
