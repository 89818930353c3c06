//! ML0005: rules of the target's definitions that the installed ones do not have.

use meshlift_model::finding::{Finding, Severity, Verdict};
use meshlift_model::intent::Intent;
use meshlift_model::manifest::Schemas;
use meshlift_model::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::common::{cluster, mesh, version};

const SERVICES: &str = "virtualservices.networking.istio.io";

/// What ML0005 says of a recording, with the target's definitions changed.
fn found(change: impl FnOnce(&mut Schemas), clear: impl FnOnce(&mut Snapshot)) -> Vec<Finding> {
    let target = version("1.30.3");
    let mut schemas = meshlift_snapshot::shipped_manifest(&target, false).unwrap().schemas;
    change(&mut schemas);
    let mut snapshot = cluster("before");
    clear(&mut snapshot);
    let intent = Intent::default();
    let all = meshlift_checks::assess_against(&mesh(snapshot), &intent, &target, Some(&schemas)).findings;
    all.into_iter().filter(|finding| finding.code == "ML0005").collect()
}

/// Schema of a field of VirtualServices.
fn field<'a>(schemas: &'a mut Schemas, pointer: &str) -> &'a mut Value {
    let schema = schemas.get_mut(SERVICES).unwrap().get_mut("v1").unwrap();
    schema.pointer_mut(&format!("/properties/spec/properties/{pointer}")).unwrap()
}

#[test]
fn the_definitions_of_a_release_have_no_rule_that_its_own_objects_would_newly_meet() {
    assert_eq!(found(|_| (), |_| ()), []);
}

#[test]
fn a_new_rule_for_a_field_that_is_in_use_is_unknown_and_names_its_objects() {
    let found = found(|all| field(all, "hosts/items")["pattern"] = json!("^[a-z.]+$"), |_| ());
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((finding.verdict, finding.severity), (Verdict::Unknown, Severity::Info));
    assert_eq!(finding.subject.to_string(), format!("CustomResourceDefinition/{SERVICES}"));
    assert!(
        finding.detail.ends_with(r#"cannot be judged: spec.hosts[] pattern "^[a-z.]+$""#),
        "{}",
        finding.detail
    );
    assert_eq!(
        finding.evidence,
        [r#"spec.hosts[] pattern "^[a-z.]+$": VirtualService/payments/api, VirtualService/web/storefront"#]
    );
}

#[test]
fn a_rule_is_silent_where_no_object_has_the_field_or_the_installed_one_is_as_strict() {
    let unused = found(|all| field(all, "exportTo/items")["pattern"] = json!("^~$"), |_| ());
    assert_eq!(unused, []);
    // Installed: at most 253 and so on; a larger limit asks for nothing new.
    let mut looser = 0;
    let wider = found(
        |all| {
            for schema in all.values_mut().flat_map(|versions| versions.values_mut()) {
                looser += widen(schema);
            }
        },
        |_| (),
    );
    assert_eq!(wider, []);
    assert!(looser > 20, "{looser}");
}

/// Doubles each limit of a text's length; how many there are.
fn widen(schema: &mut Value) -> usize {
    let Some(fields) = schema.as_object_mut() else { return 0 };
    let mut count = 0;
    for (name, value) in fields {
        match value.as_i64() {
            Some(limit) if name == "maxLength" => (*value, count) = (json!(limit * 2), count + 1),
            _ => count += widen(value),
        }
    }
    count
}

#[test]
fn where_the_installed_rules_were_not_recorded_it_says_so_once() {
    let found = found(|_| (), |s| s.outlines.retain(|object, _| object.kind != "CustomResourceDefinition"));
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(finding.detail.contains("were not recorded"), "{}", finding.detail);
    assert_eq!(finding.subject.to_string(), "Cluster/kubernetes");
}
