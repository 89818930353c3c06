//! New names in the order of the old ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

/// Gives each name a new one, so that the order among new names and `fixed` ones is that among old names and
/// fixed ones. New names are labels of DNS, ten to twelve characters behind the fixed name that they share
/// their start with, and unlike anything that a recording holds.
pub(crate) fn invent(
    names: &BTreeSet<String>,
    fixed: &BTreeSet<&str>,
    random: &mut Random,
) -> BTreeMap<String, String> {
    let mut invented = BTreeMap::new();
    for (place, name) in names.iter().enumerate() {
        let lower = fixed.iter().rev().find(|one| **one < name.as_str()).copied().unwrap_or("");
        let upper = fixed.iter().find(|one| **one > name.as_str()).copied();
        let start = between(lower, upper);
        // The place keeps the order, the letters make it unlike any other text.
        invented.insert(name.clone(), format!("{start}{place:03}q{}z", random.letters(5)));
    }
    invented
}

/// A start that sorts behind `lower` and before `upper`, whatever follows it.
fn between(lower: &str, upper: Option<&str>) -> String {
    let first = lower.bytes().next();
    let next = match first {
        None => b'0',
        Some(b'9') => b'a',
        Some(byte) => byte + 1,
    };
    let fits = |start: &str| {
        upper.is_none_or(|upper| start.as_bytes() < &upper.as_bytes()[..start.len().min(upper.len())])
    };
    let start = char::from(next).to_string();
    if next.is_ascii_alphanumeric() && fits(&start) {
        return start;
    }
    // Neighbours with the same start: behind `lower`, letter by letter.
    format!("{lower}a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_among_all_names() {
        let names: BTreeSet<String> =
            ["1-27-3", "1-29-6", "batch", "edge", "istio-ingress", "prod", "web", "zoo"]
                .map(str::to_owned)
                .into();
        let fixed = BTreeSet::from(["1-30-3", "default", "istio-system", "kube-public", "kube-system"]);
        let invented = invent(&names, &fixed, &mut Random::new(1));
        let all: BTreeMap<String, String> = names
            .iter()
            .map(|name| (name.clone(), invented[name].clone()))
            .chain(fixed.iter().map(|name| ((*name).to_owned(), (*name).to_owned())))
            .collect();
        let new: Vec<&String> = all.values().collect();
        let mut sorted = new.clone();
        sorted.sort();
        assert_eq!(new, sorted);
    }
}
