//! The assessment as a whole: order, purity, few words after an upgrade, names without magic.

use std::collections::BTreeSet;

use meshlift_checks::{Assessment, assess};
use meshlift_mesh::Mesh;
use meshlift_model::finding::{Finding, Severity};
use meshlift_model::intent::Intent;
use meshlift_snapshot::fixtures::CLUSTERS;
use meshlift_testkit::{Renaming, enlarge};
use proptest::prelude::*;

use crate::common::{cluster, mesh, unchanged, version};

#[test]
fn findings_come_worst_first_and_are_named_once() {
    for name in CLUSTERS {
        let findings = unchanged(name).findings;
        let order: Vec<_> = findings.iter().map(|finding| (finding.consequence, &finding.subject)).collect();
        assert!(order.is_sorted(), "{name}");
        let keys: BTreeSet<String> = findings.iter().map(Finding::key).collect();
        assert_eq!(keys.len(), findings.len(), "{name}: a code names a subject twice");
        assert!(findings.iter().all(|finding| !finding.detail.is_empty() && !finding.hint.is_empty()));
    }
}

/// What is found in a copy of a namespace is what is found in the namespace: nothing comes of size alone, and a large
/// mesh of the benchmarks is the small one several times over.
#[test]
fn copies_have_the_findings_of_what_was_copied() {
    let small = cluster("before");
    let large = mesh(enlarge(&small, 2));
    let target = version("1.30.3");
    let found = |mesh: &Mesh| -> BTreeSet<String> {
        let findings = assess(mesh, &Intent::default(), Some(&target)).findings;
        findings.iter().map(|one| format!("{} {:?}", one.key(), one.severity)).collect()
    };
    let (small, large) = (found(&mesh(small)), found(&large));
    let copies = |copy: &str| -> BTreeSet<String> {
        let found = large.iter().filter(|one| one.contains(copy));
        found.map(|one| one.replace(copy, "")).collect()
    };
    let (first, second) = (copies("-c1"), copies("-c2"));
    assert_eq!(first, second);
    assert_eq!(first.difference(&small).collect::<Vec<_>>(), Vec::<&String>::new());
    let originals: BTreeSet<String> =
        large.iter().filter(|one| !one.contains("-c1") && !one.contains("-c2")).cloned().collect();
    assert_eq!(originals, small);
    assert!(first.len() * 2 > small.len(), "{} of {}", first.len(), small.len());
}

#[test]
fn few_findings_are_left_after_the_upgrade() {
    for name in ["moved", "after"] {
        let left: Vec<String> = unchanged(name).findings.iter().map(Finding::key).collect();
        assert!(left.len() < 10, "{name}: {left:?}");
        assert!(unchanged(name).findings.iter().all(|finding| finding.severity < Severity::Block), "{name}");
        assert!(unchanged(name).findings.iter().all(|finding| !finding.needs_choice()), "{name}");
    }
    let broken = unchanged("after-broken").findings;
    let blocks: Vec<String> =
        broken.iter().filter(|f| f.severity == Severity::Block).map(Finding::key).collect();
    assert_eq!(blocks, ["ML2002 Namespace/web"]);
}

#[test]
fn the_recorded_mesh_needs_exactly_these_choices() {
    let assessment = unchanged("before");
    let needs: Vec<String> =
        assessment.findings.iter().filter(|finding| finding.needs_choice()).map(Finding::key).collect();
    assert_eq!(
        needs,
        [
            "ML1002 Deployment/checkout/tax",
            "ML1003 Deployment/payments/reports",
            "ML1001 Deployment/search/indexer",
            "ML1001 Deployment/team-08/jobs-1",
            "ML1001 StatefulSet/checkout/cart-redis",
            "ML1010 Deployment/quota-tight/ads",
            "ML1020 StatefulSet/payments/ledger",
            "ML1030 DaemonSet/data/log-agent",
            "ML1032 Pod/batch/debug-shell",
            "ML1030 StatefulSet/data/kafka",
            "ML1031 StatefulSet/data/pg",
            "ML4001 Deployment/web/storefront",
            "ML3001 Deployment/istio-ingress/istio-ingressgateway",
        ]
    );
}

/// What the checks say, as one value to compare.
fn said(assessment: &Assessment) -> serde_json::Value {
    let workloads: Vec<_> = assessment
        .workloads
        .iter()
        .map(|(workload, restart)| {
            serde_json::json!({
                "workload": workload,
                "verdict": restart.verdict,
                "kept": restart.ready_min,
                "lost": restart.exposure_millis,
                "seconds": restart.seconds,
                "why": restart.why,
            })
        })
        .collect();
    serde_json::json!({"findings": assessment.findings, "workloads": workloads})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    /// No names are magic.
    #[test]
    fn renamed_meshes_have_the_same_hazards_but_for_the_names(seed: u64, which in 0..CLUSTERS.len()) {
        let name = CLUSTERS[which];
        let snapshot = cluster(name);
        let renaming = Renaming::new(&snapshot, seed, &[]);
        let renamed = renaming.snapshot(&snapshot);
        let target = version("1.30.3");
        let assessment = assess(&mesh(renamed), &Intent::default(), Some(&target));
        prop_assert_eq!(renaming.undo(&said(&assessment)), said(&unchanged(name)));
    }
}
