//! Each hazard planted in a clean mesh is found, and nothing else is; what looks alike is not.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::Assessment;
use meshlift_checks::catalogue::checks_page;
use meshlift_model::finding::{Finding, Severity};
use meshlift_model::intent::Intent;
use meshlift_model::manifest::Manifest;
use meshlift_model::snapshot::Snapshot;
use meshlift_testkit::mutations::{Base, Change, Mutation, TARGET, mutations};

use crate::common::{assess, cluster, mesh as derived, version};

/// Clean meshes with their recordings, and the target, each made once.
struct Meshes {
    meshes: BTreeMap<Base, (Snapshot, Snapshot)>,
    manifest: Manifest,
}

impl Meshes {
    fn new() -> Self {
        let of = |base: Base| {
            let recording = cluster(base.recording());
            (base, (base.clean(&recording), recording))
        };
        let manifest = meshlift_snapshot::shipped_manifest(&version(TARGET), true).unwrap();
        Self { meshes: Base::ALL.into_iter().map(of).collect(), manifest }
    }

    /// What is found on the way to a version; definitions are known of one.
    fn assess(&self, mesh: Snapshot, target: &str) -> Assessment {
        if target != TARGET {
            return assess(mesh, Some(&version(target)));
        }
        let schemas = Some(&self.manifest.schemas);
        meshlift_checks::assess_against(&derived(mesh), &Intent::default(), &version(target), schemas)
    }

    /// A clean mesh as a mutation wants it, changed.
    fn changed(&self, mutation: &Mutation, change: Change, target: &str) -> Assessment {
        let (clean, recording) = &self.meshes[&mutation.base];
        let mut mesh = clean.clone();
        mutation.prepare(&mut mesh);
        change(&mut mesh, recording);
        self.assess(mesh, target)
    }

    fn clean(&self, base: Base, target: &str) -> Assessment {
        self.assess(self.meshes[&base].0.clone(), target)
    }

    /// A hazard of a hop, planted where another hop is made.
    fn elsewhere(&self, mutation: &Mutation) -> Assessment {
        let (clean, recording) = &self.meshes[&mutation.base];
        let mut mesh = clean.clone();
        (mutation.plant)(&mut mesh, recording);
        self.assess(mesh, TARGET)
    }
}

fn keys(findings: impl IntoIterator<Item = Finding>) -> BTreeSet<String> {
    findings.into_iter().map(|finding| finding.key()).collect()
}

#[test]
fn clean_meshes_have_no_finding_above_info() {
    let meshes = Meshes::new();
    for base in Base::ALL {
        let findings = meshes.clean(base, TARGET).findings;
        let above: Vec<String> = (findings.iter().filter(|one| one.severity > Severity::Info))
            .map(|one| format!("{} {}", one.key(), one.detail))
            .collect();
        assert!(above.is_empty(), "{base:?}: {above:#?}");
        assert!(findings.len() < 12, "{base:?}: {:#?}", keys(findings));
    }
}

#[test]
fn every_check_has_a_hazard_to_find() {
    let planted: BTreeSet<&str> = mutations().iter().map(|one| one.code).collect();
    let page = checks_page();
    let codes = page.split("\n## ").skip(1).map(|section| section.split(' ').next().unwrap());
    let without: Vec<&str> = codes.filter(|code| !planted.contains(code)).collect();
    assert!(without.is_empty(), "nothing is planted for {without:?}: see crates/testkit/src/mutations");
}

#[test]
fn planted_hazards_are_found_and_near_misses_are_not() {
    let meshes = Meshes::new();
    let wrong: Vec<String> = mutations().iter().flat_map(|one| wrong(&meshes, one)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a mutation shows that it should not, or does not that it should.
fn wrong(meshes: &Meshes, mutation: &Mutation) -> Vec<String> {
    let Mutation { code, subject, also, runs, from_target, target, .. } = *mutation;
    let known = keys(meshes.changed(mutation, |_, _| (), from_target).findings);
    let news = |assessment: Assessment| -> Vec<Finding> {
        assessment.findings.into_iter().filter(|one| !known.contains(&one.key())).collect()
    };
    let mut wrong = Vec::new();
    let planted = news(meshes.changed(mutation, mutation.plant, target));
    let hit = |one: &Finding| one.code == code && one.subject.to_string().starts_with(subject);
    if !planted.iter().any(hit) {
        wrong.push(format!("{code}: {subject} is not found, but {:?}", keys(planted.clone())));
    }
    let expected = |one: &Finding| one.code == code || also.contains(&one.code.as_str());
    let others: Vec<Finding> = planted.into_iter().filter(|one| !expected(one)).collect();
    if !others.is_empty() {
        wrong.push(format!("{code}: beside it {:?}", keys(others)));
    }
    let near = news(meshes.changed(mutation, mutation.near_miss, from_target));
    let heard: Vec<Finding> = near
        .into_iter()
        .filter(|one| one.code == code || !expected(one) && one.severity > Severity::Info)
        .collect();
    if !heard.is_empty() {
        wrong.push(format!("{code}: its near miss gives {:?}", keys(heard)));
    }
    // A change of another hop has no say.
    if runs.is_some_and(|runs| runs != target) && code.starts_with("ML41") {
        let findings = meshes.elsewhere(mutation).findings;
        wrong.extend(
            findings.iter().filter(|one| one.code == code).map(|one| format!("{} on another hop", one.key())),
        );
    }
    wrong
}
