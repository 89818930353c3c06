//! Plan files: lossless, refused when changed, and held against the mesh.

use meshlift_model::plan::Plan;
use meshlift_planner::{PlanFileError, fits, plan_digest, read, write};

use crate::common::*;

fn demo_plan() -> Plan {
    planned("before", &demo()).0
}

#[test]
fn a_plan_survives_its_file() {
    let plan = demo_plan();
    let text = write(&plan);
    assert_eq!(read(&text).unwrap(), plan);
    assert_eq!(plan.digest, plan_digest(&plan));
}

#[test]
fn odd_texts_survive_too() {
    let mut plan = demo_plan();
    let odd = [
        "", " ", "null", "3", "1e3", "no", "~", "a: b", "- x", "x\ny\n", "\t", "'", "\"", "é\u{7f}", "# x",
        "<<",
    ];
    for (step, text) in plan.steps.iter_mut().zip(odd) {
        step.reason = text.to_owned();
        step.title = format!("{text}{text}");
    }
    plan.digest = plan_digest(&plan);
    assert_eq!(read(&write(&plan)).unwrap(), plan);
}

#[test]
fn any_change_by_hand_is_one_clear_error() {
    let text = write(&demo_plan());
    for (from, to) in [
        ("bake_seconds: 600", "bake_seconds: 0"),
        ("replicas_min: 2", "replicas_min: 1"),
        ("reason: carts are a cache here", "reason: nobody asked"),
        ("snapshot_digest: before", "snapshot_digest: after"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = read(&changed).unwrap_err();
        assert_eq!(error.code(), "ML8204", "{error}");
        assert!(error.to_string().starts_with("the plan was changed by hand"), "{error}");
    }
    // The order of keys and the layout of the file say nothing.
    let json = serde_json::to_string(&demo_plan()).unwrap();
    assert_eq!(read(&json).unwrap(), demo_plan());
}

#[test]
fn what_is_no_plan_is_said() {
    let text = write(&demo_plan());
    let cases = [
        ("", "ML8202"),
        ("hello", "ML8202"),
        ("[1, 2]", "ML8202"),
        ("format_version: 1\n", "ML8202"),
        (&text[..text.len() / 2], "ML8202"),
        (&text.replacen("format_version: 1", "format_version: 7", 1), "ML8203"),
        (&text.replacen("traffic:", "trafic:", 1), "ML8202"),
        (&text.replacen("  stage: crds", "  stage: crds\n  also: this", 1), "ML8202"),
    ];
    for (text, code) in cases {
        let error = read(text).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn a_plan_fits_its_own_mesh_and_no_other() {
    let plan = demo_plan();
    fits(&plan, mesh("before"), "before").unwrap();
    // The same objects under another digest fit as well: a newer snapshot of a mesh that did not change.
    fits(&plan, mesh("before"), "later").unwrap();
    for (other, words) in [
        ("ambient-before", "is not there"),
        ("half-moved", "tag prod-canary points at 1-30-3, not 1-29-6"),
        ("canary-installed", "Deployment/istio-system/istiod-1-30-3 is there already"),
    ] {
        let PlanFileError::OtherMesh { differences } = fits(&plan, mesh(other), other).unwrap_err() else {
            panic!("{other}")
        };
        assert!(differences.iter().any(|one| one.contains(words)), "{other}: {differences:?}");
        assert!(differences.len() <= 6, "{other}: a few, then a count");
    }
}

#[test]
fn a_deployed_image_no_longer_fits() {
    let deployed = changed("before", |snapshot| {
        let all = &mut snapshot.objects.deployments;
        let api =
            all.iter_mut().find(|one| one.metadata.name == "api" && one.metadata.namespace == "payments");
        api.unwrap().spec.template.spec.containers[0].image = "api:2".to_owned();
    });
    let error = fits(&demo_plan(), &deployed, "later").unwrap_err().to_string();
    assert!(error.contains("the pod template of Deployment/payments/api has changed"), "{error}");
}
