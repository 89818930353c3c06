//! Rules of the target's definitions that the installed ones do not have, and who has the fields that they speak of. Whether
//! these keep them is not known: an outline has no words.

use std::collections::BTreeMap;

use meshlift_model::finding::Severity;
use meshlift_model::k8s::{CustomResourceDefinition, KindInfo, Resource};
use meshlift_model::manifest::Schemas;
use meshlift_model::names::ObjectRef;
use meshlift_model::rules::{Rule, rules};
use meshlift_model::snapshot::Outlines;
use serde::Deserialize;
use serde_json::Value;

use crate::check::Hit;

/// Objects that are named for a rule.
const NAMED_MAX: usize = 3;

/// What a definition has for the version in which a kind is read, else for the last one.
pub(crate) fn of_version<'a, T>(kind: &KindInfo, versions: &'a BTreeMap<String, T>) -> Option<&'a T> {
    let (_, version) = kind.api_version.split_once('/')?;
    versions.get(version).or_else(|| versions.values().last())
}

/// One hit for each definition with such rules, and one for all whose installed rules are not known.
pub(crate) fn new_rules(outlines: &Outlines, schemas: &Schemas) -> Vec<Hit> {
    let (mut hits, mut not_recorded) = (Vec::new(), 0);
    let mut by_kind: BTreeMap<&str, Vec<(&ObjectRef, &Value)>> = BTreeMap::new();
    for (object, outline) in outlines {
        by_kind.entry(&object.kind).or_default().push((object, outline));
    }
    for (kind, objects) in by_kind {
        let Some(kind) = KindInfo::of(kind) else { continue };
        let Some(schema) = schemas.get(kind.resource).and_then(|all| of_version(kind, all)) else { continue };
        let definition = ObjectRef::cluster(CustomResourceDefinition::KIND, kind.resource);
        let installed = outlines.get(&definition).and_then(|rules| installed(kind, rules));
        match (installed, rules(schema)) {
            (_, wanted) if wanted.is_empty() => {}
            (Some(installed), wanted) => hits.extend(unknown_of(&definition, &installed, &wanted, &objects)),
            (None, _) => not_recorded += objects.len(),
        }
    }
    if not_recorded > 0 {
        let detail = format!(
            "whether the target's definitions have new rules for {not_recorded} objects cannot be judged: those of the \
             installed ones were not recorded"
        );
        let hint = "record the mesh anew: this snapshot holds no rules of definitions";
        hits.push(not_judged(&ObjectRef::cluster("Cluster", "kubernetes"), detail, hint));
    }
    hits
}

/// Rules that are installed, as the outline of a definition has them.
fn installed(kind: &KindInfo, outline: &Value) -> Option<Vec<Rule>> {
    let versions = BTreeMap::<String, Vec<Rule>>::deserialize(outline).ok()?;
    of_version(kind, &versions).cloned()
}

/// That objects have fields with new rules.
fn unknown_of(
    definition: &ObjectRef,
    installed: &[Rule],
    wanted: &[Rule],
    objects: &[(&ObjectRef, &Value)],
) -> Option<Hit> {
    let new = wanted.iter().filter(|rule| !installed.iter().any(|old| old.covers(rule)));
    let on: Vec<(String, Vec<&ObjectRef>)> = new
        .map(|rule| {
            let on = objects.iter().filter(|(_, spec)| rule.is_on(spec)).map(|(object, _)| *object);
            (words(rule), on.collect())
        })
        .filter(|(_, on): &(_, Vec<_>)| !on.is_empty())
        .collect();
    let (first, _) = on.first()?;
    let more = and_more(on.len());
    let detail = format!(
        "the target's definition has new rules for fields that are in use, and whether they are kept cannot be judged: \
         {first}{more}"
    );
    let hint = "look at these fields of the objects beside the new rules, before the definitions are applied";
    let hit = not_judged(definition, detail, hint);
    Some(on.iter().fold(hit, |hit, (rule, on)| hit.because(format!("{rule}: {}", named(on)))))
}

/// A rule, as people read it: `spec.hosts[] pattern "^[a-z]+$"`.
fn words(rule: &Rule) -> String {
    let path = if rule.path.is_empty() { "the object" } else { &rule.path };
    format!("{path} {} {}", rule.word, rule.value)
}

fn named(objects: &[&ObjectRef]) -> String {
    let names: Vec<String> = objects.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    match objects.len().saturating_sub(NAMED_MAX) {
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

/// That there are more than the one which is said.
pub(crate) fn and_more(all: usize) -> String {
    if all > 1 { format!(", and {} more", all - 1) } else { String::new() }
}

/// That something cannot be told of an object.
pub(crate) fn not_judged(subject: &ObjectRef, detail: String, hint: &str) -> Hit {
    Hit::new(subject, detail).severity(Severity::Info).hint(hint).unknown()
}
