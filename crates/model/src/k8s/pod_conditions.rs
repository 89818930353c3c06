//! Conditions of pods.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Condition;

/// Conditions of a pod that say more than its containers, its phase and its node do: `Ready` among them. The kubelet's
/// steps on the way there are not kept, nor that a scheduler found a node; every pod has them, and nobody reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PodConditions(Vec<Condition>);

/// True for a condition that is kept.
fn is_kept(condition: &Condition) -> bool {
    match condition.type_.as_str() {
        "Initialized" | "PodReadyToStartContainers" | "ContainersReady" => false,
        "PodScheduled" => condition.status != "True",
        _ => true,
    }
}

impl Deref for PodConditions {
    type Target = Vec<Condition>;

    fn deref(&self) -> &Vec<Condition> {
        &self.0
    }
}

impl DerefMut for PodConditions {
    fn deref_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.0
    }
}

impl<'de> Deserialize<'de> for PodConditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Kept)
    }
}

struct Kept;

impl<'de> Visitor<'de> for Kept {
    type Value = PodConditions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("conditions of a pod")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PodConditions, A::Error> {
        // Nearly every pod keeps one.
        let mut kept = Vec::with_capacity(1);
        while let Some(condition) = seq.next_element()? {
            kept.extend(Some(condition).filter(is_kept));
        }
        Ok(PodConditions(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_pod_says_is_not_kept_and_what_one_waits_for_is() {
        let json = r#"[{"type":"PodScheduled","status":"True"},{"type":"ContainersReady","status":"False"},
            {"type":"Ready","status":"False"},{"type":"example.com/gate","status":"True"}]"#;
        let types = |json: &str| -> Vec<String> {
            let conditions: PodConditions = serde_json::from_str(json).unwrap();
            conditions.iter().map(|condition| condition.type_.to_string()).collect()
        };
        assert_eq!(types(json), ["Ready", "example.com/gate"]);
        assert_eq!(types(r#"[{"type":"PodScheduled","status":"False"}]"#), ["PodScheduled"]);
    }
}
