//! Words that a cluster says over and over: kinds, condition types, phases.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::read_text;

/// What nearly every pod says, and less frequent words behind it: they are looked for in this order.
const KNOWN: &[&str] = &[
    "",
    "True",
    "Ready",
    "PodScheduled",
    "Running",
    "Always",
    "Pod",
    "TCP",
    "IPv4",
    "apps/v1",
    "v1",
    "sidecar",
    "ClusterIP",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Service",
    "Namespace",
    "Node",
    "False",
    "Unknown",
    "Pending",
    "Succeeded",
    "Failed",
    "Available",
    "Progressing",
    "MinimumReplicasAvailable",
    "NewReplicaSetAvailable",
    "MinimumReplicasUnavailable",
    "ReplicaSetUpdated",
    "ReplicaFailure",
    "PodCompleted",
    "ContainersNotReady",
    "ContainersNotInitialized",
    "Unschedulable",
    "DisruptionTarget",
    "OnFailure",
    "Never",
    "router",
    "waypoint",
    "ztunnel",
    "agentgateway",
];

/// A text that is mostly one of few. It reads as a `str`; one that is known takes no memory of its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Word(Form);

/// A text has one form only.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    /// By its place among [`KNOWN`].
    Known(u8),
    Own(Box<str>),
}

impl Form {
    fn known(text: &str) -> Option<Self> {
        let place = KNOWN.iter().position(|word| *word == text)?;
        u8::try_from(place).ok().map(Self::Known)
    }
}

impl Word {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Form::Known(place) => KNOWN[usize::from(*place)],
            Form::Own(text) => text,
        }
    }
}

impl Default for Word {
    /// The empty one.
    fn default() -> Self {
        Self(Form::Known(0))
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Word {
    /// As texts; most that are compared are one and the same.
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Known(ours), Form::Known(theirs)) if ours == theirs => Ordering::Equal,
            _ => self.as_str().cmp(other),
        }
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Word {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(Form::known(text).unwrap_or_else(|| Form::Own(text.into())))
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self(Form::known(&text).unwrap_or_else(|| Form::Own(text.into())))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| Ok::<_, Infallible>(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_its_text_known_or_not() {
        for text in ["Ready", "ready", "", "Wild\"West"] {
            let json = serde_json::to_string(text).unwrap();
            let word: Word = serde_json::from_str(&json).unwrap();
            assert_eq!((word.as_str(), serde_json::to_string(&word).unwrap()), (text, json));
            assert_eq!(word, Word::from(text.to_owned()));
        }
        let mut words = ["b", "Ready", "a", "Ready"].map(Word::from);
        words.sort();
        assert_eq!(words, ["Ready", "Ready", "a", "b"]);
        assert!(serde_json::from_str::<Word>("1").is_err());
    }

    #[test]
    fn what_nearly_every_pod_says_is_kept_once() {
        let word: Word = serde_json::from_str("\"ContainersNotReady\"").unwrap();
        assert!(matches!(word.0, Form::Known(_)));
        assert!(
            KNOWN.iter().all(|known| Word::from(*known).as_str() == *known) && Word::default().is_empty()
        );
        assert_eq!(size_of::<Word>(), size_of::<&str>());
    }
}
