//! One field of a random workload, flipped, seed by seed.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::TrafficVerdict;
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

use crate::flips::{Flip, draw};
use crate::random::Random;
use crate::scene::{advised, flipped, trimmed};
use crate::verdicts::{assess, compare};

/// Seeds that are always run.
const SEEDS: u64 = 200;
/// Seeds that once failed, beyond those.
const KEPT: &str = include_str!("../seeds/traffic_agreement.txt");
/// A seed, or a range of seeds, to run in the place of all others.
const ONE: &str = "MESHLIFT_SEED";
/// Flips that must change the verdict.
const CHANGES_MIN: usize = 40;
/// Kinds, by how often they are drawn: most workloads are Deployments, and no other kind is to be missed.
const KINDS: [&str; 10] = [
    "Deployment",
    "Deployment",
    "Deployment",
    "Deployment",
    "Deployment",
    "Deployment",
    "StatefulSet",
    "StatefulSet",
    "DaemonSet",
    "Pod",
];

/// What a seed came to.
struct Outcome {
    words: String,
    before: TrafficVerdict,
    after: TrafficVerdict,
    differs: Option<String>,
}

/// A mesh, and what the rule says of it.
struct World {
    name: &'static str,
    snapshot: Snapshot,
    verdicts: BTreeMap<ObjectRef, TrafficVerdict>,
}

impl World {
    fn new(name: &'static str, snapshot: Snapshot) -> Self {
        let assessed = assess(&snapshot);
        let verdicts = assessed.workloads.into_iter().map(|(one, rule)| (one, rule.verdict)).collect();
        Self { name, snapshot, verdicts }
    }

    /// The recording, and the recording as advised.
    fn both() -> [Self; 2] {
        let recording = meshlift_snapshot::fixtures::cluster("before").expect("a recording");
        let advised = advised(&recording);
        [Self::new("as recorded", recording), Self::new("as advised", advised)]
    }

    /// Flips one field of one workload, and compares what both say of it.
    fn run(&self, seed: u64) -> Outcome {
        let mut random = Random::new(seed);
        let (workload, flip, snapshot) = loop {
            let kind = random.pick(&KINDS);
            let all: Vec<&ObjectRef> = self.verdicts.keys().filter(|one| one.kind == kind).collect();
            let workload = random.pick(&all);
            let flip: Flip = draw(kind, &mut random);
            let scene = trimmed(&self.snapshot, &workload.namespace);
            if let Some(snapshot) = flipped(&scene, workload, &flip) {
                break (workload, flip, snapshot);
            }
        };
        let seen = compare(&snapshot, workload);
        let before = self.verdicts[workload];
        let after = seen.rule.verdict;
        let words = format!("seed {seed}: {workload} {}, {flip:?} ({before:?} to {after:?})", self.name);
        Outcome { words, before, after, differs: seen.differs }
    }
}

fn kept() -> Vec<u64> {
    let lines = KEPT.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| line.parse().expect("a seed")).collect()
}

/// `17`, or `200..1000`.
fn range(text: &str) -> std::ops::Range<u64> {
    let number = |text: &str| text.parse::<u64>().expect("a seed");
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(text)..number(text) + 1,
    }
}

/// Runs seeds on all cores, in order of seeds.
fn run_all(worlds: &[World; 2], seeds: &[u64]) -> Vec<Outcome> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut outcomes: BTreeMap<u64, Outcome> = BTreeMap::new();
    std::thread::scope(|scope| {
        let share = |core: usize| seeds.iter().skip(core).step_by(cores).copied().collect::<Vec<u64>>();
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                let seeds = share(core);
                let run = |seed: u64| (seed, worlds[usize::from(seed % 2 == 1)].run(seed));
                scope.spawn(move || seeds.into_iter().map(run).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().for_each(|worker| outcomes.extend(worker.join().expect("a worker")));
    });
    outcomes.into_values().collect()
}

#[test]
fn rule_and_simulation_agree_after_any_flip() {
    let one = std::env::var(ONE).ok().map(|text| range(&text));
    let seeds: BTreeSet<u64> = match &one {
        Some(range) => range.clone().collect(),
        None => (0..SEEDS).chain(kept()).collect(),
    };
    let outcomes = run_all(&World::both(), &seeds.into_iter().collect::<Vec<u64>>());
    outcomes.iter().for_each(|one| println!("{}", one.words));
    let differ: Vec<String> = outcomes
        .iter()
        .filter_map(|one| {
            let words = one.differs.as_ref()?;
            Some(format!("{}\n  {words}", one.words))
        })
        .collect();
    assert!(differ.is_empty(), "{} differ; {ONE}=N runs one alone\n{}", differ.len(), differ.join("\n"));
    if one.is_some() {
        return;
    }
    let changed: Vec<&Outcome> = outcomes.iter().filter(|one| one.before != one.after).collect();
    assert!(changed.len() >= CHANGES_MIN, "only {} flips change the verdict", changed.len());
    let left: BTreeSet<TrafficVerdict> = changed.iter().map(|one| one.before).collect();
    let reached: BTreeSet<TrafficVerdict> = changed.iter().map(|one| one.after).collect();
    assert_eq!((left.len(), reached.len()), (3, 3), "left {left:?}, reached {reached:?}");
}
