//! Golden lists: for each hazard, a jq query over the raw recording gives the lines that its check must
//! find, no more and no fewer, in every recording. The queries know nothing of meshlift.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{assess, cluster, subjects};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use meshlift_checks::Assessment;
use meshlift_model::finding::Verdict;
use meshlift_model::names::IstioVersion;
use meshlift_snapshot::fixtures::CLUSTERS;
use meshlift_snapshot::write_folder;

#[test]
fn checks_find_what_queries_over_the_raw_recordings_find() {
    let queries = queries();
    assert!(queries.len() > 30, "only {} queries", queries.len());
    let inputs: Vec<(&str, Val)> = CLUSTERS.iter().map(|name| (*name, raw(name))).collect();
    let mut assessments: BTreeMap<(&str, Option<IstioVersion>), Assessment> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (code, query) in &queries {
        let expected = answers(query, &inputs);
        if expected.iter().all(BTreeSet::is_empty) {
            wrong.push(format!("{code}: no recording has it"));
        }
        let target = target(query);
        for ((name, _), expected) in inputs.iter().zip(expected) {
            let assessment = assessments
                .entry((name, target.clone()))
                .or_insert_with(|| assess(cluster(name), target.as_ref()));
            assert!(assessment.findings.iter().all(|f| f.code != *code || f.verdict == Verdict::Fail));
            let found = subjects(assessment, code);
            if found != expected {
                let missed: Vec<_> = expected.difference(&found).collect();
                let invented: Vec<_> = found.difference(&expected).collect();
                wrong.push(format!("{name} {code}: missed {missed:?}, invented {invented:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn queries() -> Vec<(String, String)> {
    let mut queries: Vec<(String, String)> = fs::read_dir(golden())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("ML")))
        .map(|path| {
            (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    queries.sort();
    queries
}

/// The target that a query's first line names.
fn target(query: &str) -> Option<IstioVersion> {
    query.lines().next()?.strip_prefix("# target: ").map(|version| version.parse().unwrap())
}

/// The folder form of a recording as one JSON object: items by resource.
fn raw(name: &str) -> Val {
    let folder = tempfile::tempdir().unwrap();
    write_folder(&cluster(name), folder.path()).unwrap();
    let mut all = serde_json::Map::new();
    for entry in fs::read_dir(folder.path().join("api")).unwrap() {
        let path = entry.unwrap().path();
        let list: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        all.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), list["items"].clone());
    }
    read::parse_single(&serde_json::to_vec(&all).unwrap()).unwrap()
}

/// What a query answers for each input.
fn answers(query: &str, inputs: &[(&str, Val)]) -> Vec<BTreeSet<String>> {
    let program = format!("{}\n{query}", fs::read_to_string(golden().join("prelude.jq")).unwrap());
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(&arena, File { code: program.as_str(), path: () })
        .unwrap_or_else(|errors| panic!("{query}\n{errors:?}"));
    let filter = Compiler::default()
        .with_funs(funs)
        .compile(modules)
        .unwrap_or_else(|errors| panic!("{query}\n{errors:?}"));
    let run = |(_, input): &(&str, Val)| {
        let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
        let all = filter.id.run((context, input.clone())).map(unwrap_valr);
        all.map(|value| value.unwrap_or_else(|error| panic!("{query}\n{error}")).to_string())
            .map(|line| line.trim_matches('"').to_owned())
            .collect()
    };
    inputs.iter().map(run).collect()
}
