//! What differs between two plans: for people who approved the first.

use std::collections::BTreeMap;
use std::fmt;

use meshlift_model::plan::{Plan, Step};
use serde::Serialize;
use serde_json::Value;

/// The difference between two plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[must_use = "a difference is there to be approved"]
pub struct PlanDiff {
    /// Fields of the header that differ, with both values.
    pub header: Vec<Change>,
    /// Steps that only the second plan has.
    pub added: Vec<String>,
    /// Steps that only the first plan has.
    pub removed: Vec<String>,
    /// Steps that both have, and what differs in them.
    pub changed: BTreeMap<String, Vec<Change>>,
    /// True if steps that both have come in another order.
    pub reordered: bool,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// Where: `waiting[2].reason`.
    pub path: String,
    /// In the first plan; absent where it has none.
    pub from: Option<String>,
    /// In the second plan; absent where it has none.
    pub to: Option<String>,
}

/// Changes of one step, or of the header, that are listed before the rest is counted.
const CHANGES_MAX: usize = 200;

/// Compares two plans: header and steps, not digests of themselves.
pub fn diff(first: &Plan, second: &Plan) -> PlanDiff {
    let header = |plan: &Plan| {
        let mut value = serde_json::to_value(plan).unwrap_or_default();
        if let Some(map) = value.as_object_mut() {
            map.remove("digest");
            map.remove("steps");
        }
        value
    };
    let steps = |plan: &Plan| -> BTreeMap<String, Value> {
        let value = |step: &Step| serde_json::to_value(step).unwrap_or_default();
        plan.steps.iter().map(|step| (step.id.clone(), value(step))).collect()
    };
    let (before, after) = (steps(first), steps(second));
    let mut changed = BTreeMap::new();
    for (id, step) in &before {
        let Some(other) = after.get(id) else { continue };
        let changes = changes(step, other);
        if !changes.is_empty() {
            changed.insert(id.clone(), changes);
        }
    }
    let only = |plan: &Plan, others: &BTreeMap<String, Value>| -> Vec<String> {
        plan.steps.iter().map(|step| step.id.clone()).filter(|id| !others.contains_key(id)).collect()
    };
    let common = |plan: &Plan, others: &BTreeMap<String, Value>| -> Vec<String> {
        plan.steps.iter().map(|step| step.id.clone()).filter(|id| others.contains_key(id)).collect()
    };
    PlanDiff {
        header: changes(&header(first), &header(second)),
        added: only(second, &before),
        removed: only(first, &after),
        changed,
        reordered: common(first, &after) != common(second, &before),
    }
}

impl PlanDiff {
    /// True if the plans say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let mut all = Vec::new();
    walk(from, to, "", &mut all);
    all.truncate(CHANGES_MAX);
    all
}

fn walk(from: &Value, to: &Value, path: &str, all: &mut Vec<Change>) {
    match (from, to) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                either(left.get(key), right.get(key), &path, all);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                either(left.get(index), right.get(index), &format!("{path}[{index}]"), all);
            }
        }
        (left, right) if left == right => {}
        (left, right) => {
            all.push(Change { path: path.to_owned(), from: Some(text(left)), to: Some(text(right)) })
        }
    }
}

fn either(left: Option<&Value>, right: Option<&Value>, path: &str, all: &mut Vec<Change>) {
    match (left, right) {
        (Some(left), Some(right)) => walk(left, right, path, all),
        (left, right) => {
            all.push(Change { path: path.to_owned(), from: left.map(text), to: right.map(text) });
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl fmt::Display for PlanDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "the plans say the same");
        }
        for change in &self.header {
            writeln!(f, "~ {change}")?;
        }
        for id in &self.removed {
            writeln!(f, "- step {id}")?;
        }
        for id in &self.added {
            writeln!(f, "+ step {id}")?;
        }
        for (id, changes) in &self.changed {
            writeln!(f, "~ step {id}")?;
            for change in changes {
                writeln!(f, "    {change}")?;
            }
        }
        if self.reordered { writeln!(f, "~ steps come in another order") } else { Ok(()) }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{}: {from} → {to}", self.path),
            (Some(from), None) => write!(f, "{}: {from} is gone", self.path),
            (None, Some(to)) => write!(f, "{}: {to} is new", self.path),
            (None, None) => write!(f, "{}", self.path),
        }
    }
}
