//! What 1.26 to 1.29 make of grants and of routes of two kinds, on the way in; what is not known without grants.

use meshlift_model::finding::Verdict;
use meshlift_model::snapshot::SourceStatus;
use meshlift_testkit::mutations::{Base, mutations};

use crate::common::{assess, cluster, of, version};

const GRANTS: &str = "referencegrants.gateway.networking.k8s.io";

/// Findings of a code where its hazard is planted in a mesh of 1.25.5, on the way to a version.
fn on_the_way(code: &str, target: &str, near: bool, grants: Option<SourceStatus>) -> Vec<(Verdict, String)> {
    let recording = cluster(Base::Ambient.recording());
    let mut mesh = Base::Ambient.clean(&recording);
    let mut mutation = mutations().into_iter().find(|one| one.code == code).unwrap();
    mutation.runs = Some("1.25.5");
    mutation.prepare(&mut mesh);
    (if near { mutation.near_miss } else { mutation.plant })(&mut mesh, &recording);
    if let Some(status) = grants {
        mesh.sources.insert(GRANTS.into(), status);
    }
    let assessment = assess(mesh, Some(&version(target)));
    of(&assessment, code).into_iter().map(|one| (one.verdict, one.detail.clone())).collect()
}

#[test]
fn the_last_entry_of_a_grant_begins_to_decide_alone() {
    let found = on_the_way("ML4178", "1.28.10", false, None);
    let detail = "the reference of HTTPRoute/edge/copy to Service/streams/broker is refused from now on";
    assert_eq!(found, [(Verdict::Fail, detail.to_owned())]);
    assert!(on_the_way("ML4178", "1.28.10", true, None).is_empty());
    // All entries count in both.
    assert!(on_the_way("ML4178", "1.30.3", false, None).is_empty());
}

#[test]
fn references_without_readable_grants_are_unknown() {
    let refused = Some(SourceStatus::Refused { reason: "forbidden".into() });
    let found = on_the_way("ML4178", "1.28.10", false, refused);
    assert!(
        matches!(found.as_slice(), [(Verdict::Unknown, detail)] if detail.contains("forbidden")),
        "{found:?}"
    );
}

#[test]
fn a_grpc_route_begins_to_vanish() {
    let found = on_the_way("ML4177", "1.28.10", false, None);
    let detail = "HTTPRoute/edge/pages takes its place for host both.example.com at Gateway/public";
    assert_eq!(found, [(Verdict::Fail, detail.to_owned())]);
    for target in ["1.26.1", "1.30.3"] {
        assert!(on_the_way("ML4177", target, false, None).is_empty(), "{target}");
    }
}
