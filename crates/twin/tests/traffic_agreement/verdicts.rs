//! What rule and simulation say of one workload, and where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshlift_checks::{Assessment, Restart};
use meshlift_mesh::facts::Mesh;
use meshlift_model::finding::TrafficVerdict;
use meshlift_model::intent::Intent;
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_twin::traffic::{Corner, WorkloadTraffic, verdict};

use crate::driver::{Driver, Hand};

/// Findings that say that a restart does not come to its end by itself, and what it waits for.
const HANDS: [(&str, Hand); 3] =
    [("ML1010", Hand::RaiseQuota), ("ML1030", Hand::DeletePods), ("ML1031", Hand::SetPartition)];

pub(crate) fn assess(snapshot: &Snapshot) -> Assessment {
    let mesh = Mesh::derive(Arc::new(snapshot.clone()));
    meshlift_checks::assess(&mesh, &Intent::default(), None)
}

/// What the corners say of one workload.
pub(crate) type Corners = BTreeMap<Corner, WorkloadTraffic>;

/// What both say of a workload, if that is not the same. How long somebody takes who has to lend a hand, no rule
/// can tell.
pub(crate) fn difference(rule: &Restart, corners: &Corners, helped: bool) -> Option<String> {
    let simulated = verdict(&corners[&Corner::BEST], corners.values());
    let worst = corners.values().map(|one| one.loss.lost_millis).fold(0.0, f64::max);
    let bound = rule.exposure_millis;
    // What is announced is never too little, and of an exposed workload never more than twice the worst.
    let bounded = (worst <= bound || helped && simulated == TrafficVerdict::Gap)
        && (simulated != TrafficVerdict::Exposed || bound <= 2.0 * worst);
    if rule.verdict == simulated && bounded {
        return None;
    }
    let corners: Vec<String> = corners.iter().map(|(corner, one)| told(*corner, one)).collect();
    Some(format!(
        "rule {:?}, at most {bound:.0} ({}); simulation {simulated:?}, worst {worst:.0}:\n    {}",
        rule.verdict,
        rule.why,
        corners.join("\n    ")
    ))
}

fn told(corner: Corner, one: &WorkloadTraffic) -> String {
    let (lost, cut) = (one.loss.lost_millis, (one.requests_cut, one.connections_cut));
    format!("{corner}: lost {lost:.0}, cut {cut:?}, {:?}", one.loss.words())
}

/// What was seen of a workload in all corners.
pub(crate) struct Seen {
    pub(crate) rule: Restart,
    pub(crate) differs: Option<String>,
}

/// Judges and simulates a restart of one workload in all corners.
pub(crate) fn compare(snapshot: &Snapshot, workload: &ObjectRef) -> Seen {
    let assessed = assess(snapshot);
    let rule = assessed.workloads[workload].clone();
    let announced: BTreeSet<Hand> = HANDS
        .iter()
        .filter(|(code, _)| assessed.findings.iter().any(|one| one.code == *code && one.subject == *workload))
        .map(|(_, hand)| *hand)
        .collect();
    let mut corners = Corners::new();
    let mut differs = Vec::new();
    for corner in Corner::all() {
        let mut driver = Driver::load(snapshot, corner, 3);
        let hands = driver.restart(workload);
        if hands != announced {
            differs.push(format!("{corner}: it needs {hands:?}, announced was {announced:?}"));
        }
        let figures = driver.measure(corner).workloads.remove(workload);
        corners.insert(corner, figures.unwrap_or_default());
    }
    differs.extend(difference(&rule, &corners, !announced.is_empty()));
    Seen { rule, differs: (!differs.is_empty()).then(|| differs.join("\n  ")) }
}
