//! What was not read is unknown, never ok.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::catalogue::checks_page;
use meshlift_checks::offered;
use meshlift_model::finding::{Consequence, Severity, Verdict};
use meshlift_model::intent::ChoiceKind;
use meshlift_model::snapshot::SourceStatus;

use crate::common::{assess, cluster, of, version};

/// Codes of never-accepted unknowns: rejections, injectors, revisions, the root CA.
const NEVER: [&str; 10] =
    ["ML2002", "ML2007", "ML2010", "ML2011", "ML5001", "ML5004", "ML5005", "ML5008", "ML5010", "ML5014"];

/// Codes by the source that their page says they read; those of changes that came with another version than 1.30 are
/// silent on the way to it.
fn readers() -> BTreeMap<String, BTreeSet<String>> {
    let mut readers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let page = checks_page();
    for section in page.split("\n## ").skip(1) {
        if section.contains(" from before 1.") && !section.contains(" from before 1.30 ") {
            continue;
        }
        let code = section.split(' ').next().unwrap();
        let reads = section.lines().find_map(|line| line.strip_prefix("- **Reads**: ")).unwrap();
        // This one says what is unknown itself.
        if code == "ML0006" {
            continue;
        }
        for source in reads.split(", ") {
            readers.entry(source.to_owned()).or_default().insert(code.to_owned());
        }
    }
    readers
}

#[test]
fn every_check_says_unknown_for_each_source_that_it_lacks() {
    let readers = readers();
    assert!(readers.len() > 15, "{readers:?}");
    for (source, codes) in readers {
        for recording in ["before", "ambient-before"] {
            let mut snapshot = cluster(recording);
            if let Some(endpoint) = source.strip_prefix("istiod/") {
                assert_eq!(endpoint, "syncz");
                snapshot.istiods.values_mut().next().unwrap().syncz = None;
            } else {
                snapshot.sources.insert(source.clone(), SourceStatus::Broken { reason: "cut off".into() });
            }
            let assessment = assess(snapshot, Some(&version("1.30.3")));
            for code in &codes {
                let all = of(&assessment, code);
                assert!(!all.is_empty(), "{recording}: {code} is silent without {source}");
                for finding in all {
                    assert_eq!(finding.verdict, Verdict::Unknown, "{recording}: {code} without {source}");
                    assert_eq!(finding.subject.kind, "Source");
                    assert_eq!(finding.consequence, Consequence::Blind);
                    assert!(finding.detail.contains(&source), "{}", finding.detail);
                    let accept = ChoiceKind::AcceptUnknown(source.clone());
                    assert_eq!(offered(finding, &accept), !NEVER.contains(&code.as_str()), "{code}");
                    assert!(!offered(finding, &ChoiceKind::AcceptUnknown("nodes-of-another".into())));
                }
            }
        }
    }
}

#[test]
fn nothing_is_unknown_where_everything_was_read() {
    for recording in meshlift_snapshot::fixtures::CLUSTERS {
        let assessment = assess(cluster(recording), Some(&version("1.30.3")));
        let unknown = assessment.findings.iter().filter(|f| f.verdict == Verdict::Unknown);
        // Only a live mesh is asked what its validators say, and these were recorded before.
        let (validators, unknown): (Vec<_>, Vec<_>) = unknown.partition(|finding| finding.code == "ML4005");
        assert!(unknown.is_empty(), "{recording}: {unknown:?}");
        assert!(validators.iter().all(|finding| finding.severity == Severity::Info), "{recording}");
    }
    let asked = |recording| of(&assess(cluster(recording), Some(&version("1.30.3"))), "ML4005").len();
    assert_eq!((asked("before"), asked("canary-installed")), (0, 1), "nobody could be asked before");
}

#[test]
fn a_kind_that_the_cluster_does_not_serve_is_no_unknown() {
    let mut snapshot = cluster("before");
    snapshot.sources.insert("envoyfilters.networking.istio.io".into(), SourceStatus::Absent);
    snapshot.objects.envoy_filters.clear();
    assert!(of(&assess(snapshot, Some(&version("1.30.3"))), "ML4001").is_empty());
}

#[test]
fn a_change_of_behaviour_is_unknown_without_its_source_and_silent_on_other_ways() {
    let without = |target: &str| {
        let mut snapshot = cluster("ambient-before");
        for source in ["gateways.networking.istio.io", "pods"] {
            snapshot.sources.insert(source.into(), SourceStatus::Broken { reason: "cut off".into() });
        }
        snapshot.objects.pods.clear();
        of(&assess(snapshot, Some(&version(target))), "ML4103").len()
    };
    assert_eq!((without("1.31.0"), without("1.30.3")), (2, 0));
}
