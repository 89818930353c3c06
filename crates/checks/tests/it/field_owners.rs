//! When a release of Helm's meets another owner of a field.

use meshlift_model::defaults::HELM_RELEASE;
use meshlift_model::finding::Verdict;
use meshlift_model::k8s::{FieldManager, ValidatingWebhookConfiguration};
use meshlift_testkit::edit::object;
use meshlift_testkit::mutations::Base;

use crate::common::{assess, cluster, of, version};

const VALIDATOR: &str = "istio-validator-1-29-6-istio-system";

/// Findings where managers wrote the failure policy of a validator, which may be that of a tag.
fn found(
    target: &str,
    managers: &[(&str, &str)],
    edit: impl Fn(&mut ValidatingWebhookConfiguration),
) -> Vec<Verdict> {
    let recording = cluster(Base::Sidecars.recording());
    let mut mesh = Base::Sidecars.clean(&recording);
    let validator: &mut ValidatingWebhookConfiguration = object(&mut mesh, VALIDATOR);
    validator.metadata.annotations.insert(HELM_RELEASE.into(), "istiod".into());
    let manager =
        |(manager, operation): &(&str, &str)| FieldManager::new(manager, operation, &["failurePolicy"]);
    validator.metadata.managed_fields = managers.iter().map(manager).collect();
    edit(validator);
    let assessment = assess(mesh, Some(&version(target)));
    of(&assessment, "ML5029").into_iter().map(|one| one.verdict).collect()
}

#[test]
fn charts_that_leave_the_failure_policy_out_meet_nobody() {
    let both = [("helm", "Apply"), ("pilot-discovery", "Update")];
    for (target, conflicts) in [("1.29.1", 1), ("1.29.2", 0), ("1.30.3", 0), ("1.28.5", 1), ("1.28.6", 0)] {
        assert_eq!(found(target, &both, |_| {}).len(), conflicts, "{target}");
    }
    let tagged = |one: &mut ValidatingWebhookConfiguration| {
        one.metadata.labels.insert("istio.io/tag".into(), "default".into());
    };
    assert_eq!(found("1.30.3", &both, tagged), [Verdict::Fail]);
    // Helm 3 merges by itself: it conflicts with nobody.
    assert!(found("1.29.1", &[("helm", "Update"), ("pilot-discovery", "Update")], |_| {}).is_empty());
}

#[test]
fn owners_that_were_not_recorded_are_unknown_where_there_is_a_release() {
    assert_eq!(found("1.29.1", &[], |_| {}), [Verdict::Unknown]);
    let no_release = |one: &mut ValidatingWebhookConfiguration| {
        one.metadata.annotations.remove(HELM_RELEASE);
    };
    assert!(found("1.29.1", &[], no_release).is_empty());
}
