//! Values that are put in the place of others.

use proptest::prelude::*;
use serde_json::{Value, json};

/// The API server takes any number where none is impossible: sums of such must not end the program.
const NUMBERS: [i64; 10] = [
    i64::MAX,
    i32::MAX as i64,
    i32::MIN as i64,
    -1,
    i64::MIN,
    i64::MAX / 1000,
    0,
    1,
    65_536,
    u32::MAX as i64,
];

/// Texts at the edge of what is read from texts: percentages, quantities, durations, images, hosts, addresses, versions,
/// times, patterns, YAML, JSON; and names that the meshes have.
const EDGES: [&str; 45] = [
    "",
    "-1",
    "100%",
    "9223372036854775807%",
    "9999999999999999999Ei",
    "1e999",
    "-0",
    "~",
    "99999999999999999h",
    "1h-1s",
    "a/b:c@d",
    ":",
    "@sha256:",
    "oci://",
    "*",
    "*.",
    ".",
    "..",
    "/",
    "*.*",
    "::/0",
    "0.0.0.0/99",
    "1.30",
    "1.30.99999999999",
    "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59Z",
    "(",
    "[z-a]",
    "(a{999}){999}",
    "(?i)\u{130}",
    "\u{0}",
    "a: &a [*a]",
    "- {",
    "{\"a\": [",
    "é",
    "all",
    "web",
    "istio-system",
    "edge",
    "default",
    "1-29-6",
    "1-30-3",
    "prod-stable",
    "true",
    "False",
];

/// Rounds of values of the same type; as many numbers are in them.
const ALIKE: usize = 4;
/// Rounds of [`Put::in_round`].
pub(crate) const ROUNDS: usize = ALIKE + 3;

/// What is put in the place of a value.
#[derive(Clone, Debug)]
pub(crate) enum Put {
    /// Another value: most often one that costs the object.
    Any(Value),
    /// One of the same type: most often the object is read, and looked at.
    Alike(String, i64),
}

impl Put {
    /// Puts it there.
    pub(crate) fn into(self, value: &mut Value) {
        let (text, number) = match self {
            Self::Any(any) => {
                *value = any;
                return;
            }
            Self::Alike(text, number) => (text, number),
        };
        match value {
            Value::String(old) => *old = text,
            Value::Number(old) => *old = number.into(),
            Value::Bool(old) => *old = !*old,
            Value::Array(items) => items.extend_from_within(..),
            // One name more, where names are anything.
            Value::Object(fields) => {
                let more = fields.values().next().cloned().unwrap_or_default();
                fields.insert(text, more);
            }
            Value::Null => {}
        }
    }

    /// What is put into the field of this number in a round: each number, nothing, values of two other types, and some of
    /// the texts.
    pub(crate) fn in_round(round: usize, field: usize) -> Self {
        let others = [json!("text"), json!({}), json!(7), json!([{}])];
        match round.checked_sub(ALIKE) {
            Some(0) => Self::Any(Value::Null),
            Some(other) => Self::Any(others[(field + other) % others.len()].clone()),
            // All of them may be empty.
            None => {
                let text = if round == 0 { "" } else { EDGES[(field * ALIKE + round) % EDGES.len()] };
                Self::Alike(text.to_owned(), NUMBERS[round])
            }
        }
    }
}

/// Anything, or something alike.
pub(crate) fn put() -> impl Strategy<Value = Put> {
    prop_oneof![any_json().prop_map(Put::Any), alike()]
}

pub(crate) fn alike() -> impl Strategy<Value = Put> {
    (text(), number()).prop_map(|(text, number)| Put::Alike(text, number))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        number().prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z./-]{0,10}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), prop::sample::select(NUMBERS.to_vec())]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(EDGES.to_vec()).prop_map(str::to_owned),
        "\\PC{0,12}",
        "[]\\[(){}|*+?^$.,:\\\\a0-]{0,16}"
    ]
}
