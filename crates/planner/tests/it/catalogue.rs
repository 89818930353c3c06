//! Catalogues of releases as a person may give them: they are read or refused, and never end the program; nor does any path
//! over one that was read.
//!
//! The test command tries a bounded number of them; `fuzz/` has the same target for as long as one likes, guided by
//! coverage.

use meshlift_planner::versions::{Releases, Situation, path};
use serde_json::{Value, json};

const SHIPPED: &str = include_str!("../../data/releases.yaml");

/// What is put into the text: syntax, and numbers and words at the edge of what the fields take.
const WORDS: [&str; 16] = [
    "{",
    "}",
    "[",
    "- ",
    ": ",
    "\n",
    "\n  ",
    "&a ",
    "*a",
    "!!binary ",
    "\"",
    "null",
    "-1",
    "4294967295",
    "1.4294967295.4294967295",
    "\u{0}",
];

/// What is put in place of a field.
fn values() -> [Value; 16] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(1e300),
        json!(999),
        json!(4_294_967_295_u32),
        json!(u64::MAX),
        json!(""),
        json!("1.30"),
        json!("4294967295.4294967295"),
        json!("1.4294967295.4294967295-rc"),
        json!("99999-1-01"),
        json!([]),
        json!(["1.36", "1.32"]),
        json!({}),
    ]
}

/// Reads the shipped file, damaged as the bytes say: its text, or the value of some of its fields.
pub(crate) fn judge(bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else { return };
    match how % 3 {
        0 => read(&String::from_utf8_lossy(rest)),
        1 => {
            let mut text = SHIPPED.as_bytes().to_vec();
            rest.chunks_exact(4).take(8).for_each(|edit| damage(&mut text, edit));
            read(&String::from_utf8_lossy(&text));
        }
        _ => {
            let mut file = serde_saphyr::from_str::<Value>(SHIPPED).unwrap();
            rest.chunks_exact(3).take(4).for_each(|edit| replace(&mut file, edit));
            // JSON is YAML.
            read(&file.to_string());
        }
    }
}

fn damage(text: &mut Vec<u8>, edit: &[u8]) {
    let [high, low, what, how] = *edit else { return };
    if text.is_empty() {
        return;
    }
    let at = usize::from(u16::from_be_bytes([high, low])) * text.len() / (1 << 16);
    let end = (at + usize::from(how % 16)).min(text.len());
    match what % 3 {
        0 => text[at] = how,
        1 => drop(text.drain(at..end)),
        _ => drop(text.splice(at..end, WORDS[usize::from(how) % WORDS.len()].bytes())),
    }
}

/// Puts a value in place of one of all there are in the file, in its order.
fn replace(file: &mut Value, edit: &[u8]) {
    let [high, low, which] = *edit else { return };
    let at = usize::from(u16::from_be_bytes([high, low])) * count(file) / (1 << 16);
    let values = values();
    put(file, at, &values[usize::from(which) % values.len()]);
}

fn children(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    }
}

fn count(value: &mut Value) -> usize {
    1 + children(value).into_iter().map(count).sum::<usize>()
}

fn put(value: &mut Value, mut at: usize, new: &Value) {
    if at == 0 {
        value.clone_from(new);
        return;
    }
    at -= 1;
    for child in children(value) {
        let size = count(child);
        if at < size {
            return put(child, at, new);
        }
        at -= size;
    }
}

/// Panics are what is looked for.
fn read(text: &str) {
    let Ok(releases) = Releases::parse(text) else { return };
    let today = "2026-11-29".parse().unwrap();
    let _ = releases.not_of_the_future(today);
    for (running, target) in [("1.24.1", "1.31.1"), ("1.29.2", "1.30.5"), ("1.30.99", "1.4294967295.0")] {
        let situation = Situation {
            running: [running.parse().unwrap()].into(),
            kubernetes: Some("v1.30.2".to_owned()),
            gateway_api: Some("v1.3.0".to_owned()),
            ambient: true,
            managed_gateways: true,
            ..Situation::default()
        };
        let found = path(&situation, &target.parse().unwrap(), &releases, today);
        assert!(found.is_some_and(|path| !path.hops.is_empty() || !path.blocked.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_field_takes_every_value_or_refuses_it() {
        let shipped = serde_saphyr::from_str::<Value>(SHIPPED).unwrap();
        let fields = count(&mut shipped.clone());
        assert!(fields > 150, "{fields}");
        for (at, value) in (0..fields).flat_map(|at| values().into_iter().map(move |value| (at, value))) {
            let mut file = shipped.clone();
            put(&mut file, at, &value);
            read(&file.to_string());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn damaged_catalogues_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            judge(&bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            read(&text);
        }
    }
}
