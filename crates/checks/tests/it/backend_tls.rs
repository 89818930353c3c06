//! ML4126: policies that begin to apply with 1.28, and such that are lost.

use meshlift_model::finding::{Finding, Verdict};
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{
    BackendTLSPolicy, CrdVersion, CustomResourceDefinition, Deployment, DestinationRule, EnvVar,
    OutlierDetection, TargetReference,
};
use meshlift_model::names::RevisionName;
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use crate::common::{cluster, mesh, object, version};

const DEFINITION: &str = "backendtlspolicies.gateway.networking.k8s.io";

/// What is said on the way from 1.27 to 1.28 of one policy.
fn found(change: impl FnOnce(&mut Snapshot)) -> Vec<Finding> {
    let mut snapshot = cluster("before");
    let mut policy = BackendTLSPolicy::default();
    policy.metadata.namespace = "web".into();
    policy.metadata.name = "bff".into();
    snapshot.objects.backend_tls_policies.push(policy);
    change(&mut snapshot);
    let mut mesh = mesh(snapshot);
    let revision = mesh.revisions.get_mut(&RevisionName::new("1-29-6")).unwrap();
    revision.version = Some(version("1.27.9"));
    let all = meshlift_checks::assess(&mesh, &Intent::default(), Some(&version("1.28.10"))).findings;
    all.into_iter().filter(|finding| finding.code == "ML4126").collect()
}

/// The definition serves these versions, and has another that it does not serve.
fn serve(s: &mut Snapshot, served: &[&str]) {
    s.objects.crds.retain(|one| one.metadata.name != DEFINITION);
    let mut definition = CustomResourceDefinition::default();
    definition.metadata.name = DEFINITION.into();
    definition.spec.group = "gateway.networking.k8s.io".into();
    definition.spec.versions = ["v1", "v1alpha3"]
        .map(|name| CrdVersion { name: name.into(), served: served.contains(&name), ..CrdVersion::default() })
        .into();
    s.objects.crds.push(definition);
}

fn alpha(s: &mut Snapshot, value: &str) {
    let istiod: &mut Deployment = object(s, "istio-system/istiod-1-29-6");
    for container in &mut istiod.spec.template.spec.containers {
        let name = "PILOT_ENABLE_ALPHA_GATEWAY_API".into();
        container.env.push(EnvVar { name, value: value.into(), ..EnvVar::default() });
    }
}

#[test]
fn what_becomes_of_a_policy_is_said_by_the_versions_that_are_served() {
    let details = |on: &str, served: &[&str]| -> Vec<String> {
        let found = found(|s| {
            alpha(s, on);
            serve(s, served);
        });
        found.into_iter().map(|finding| format!("{}: {}", finding.subject, finding.detail)).collect()
    };
    let says = |on: &str, served: &[&str], words: &str| {
        let details = details(on, served);
        assert!(details.len() == 1 && details[0].contains(words), "{on} {served:?}: {details:?}");
    };
    says("false", &["v1"], "ignores it today");
    says("false", &["v1", "v1alpha3"], "ignores it today");
    // What istiod 1.27 reads is not there, whatever its variable says.
    says("true", &["v1"], "ignores it today");
    says("true", &["v1alpha3"], "obeys it today");
    for (on, served) in [("true", &["v1", "v1alpha3"][..]), ("false", &["v1alpha3"]), ("true", &[])] {
        assert_eq!(details(on, served), Vec::<String>::new(), "{on} {served:?}");
    }
}

#[test]
fn without_the_definition_nothing_is_known_of_a_policy() {
    let gone = found(|s| s.objects.crds.retain(|one| one.metadata.name != DEFINITION));
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].verdict, Verdict::Unknown);
    let refused = found(|s| {
        let resource = "customresourcedefinitions.apiextensions.k8s.io".to_owned();
        s.sources.insert(resource, SourceStatus::Refused { reason: "forbidden".into() });
    });
    assert!(refused.iter().all(|finding| finding.verdict == Verdict::Unknown), "{refused:?}");
    assert!(!refused.is_empty());
}

#[test]
fn whether_a_policy_without_targets_is_for_a_rules_host_is_not_known() {
    let mut snapshot = cluster("before");
    let mut policy = BackendTLSPolicy::default();
    (policy.metadata.namespace, policy.metadata.name) = ("web".into(), "bff".into());
    let mut rule = DestinationRule::default();
    (rule.metadata.namespace, rule.metadata.name) = ("web".into(), "rule".into());
    rule.spec.host = "bff".into();
    rule.spec.traffic_policy.outlier_detection = Some(OutlierDetection::default());
    snapshot.objects.backend_tls_policies.push(policy);
    snapshot.objects.destination_rules.push(rule);
    let target = version("1.31.1");
    let found = |snapshot: &Snapshot| -> Vec<Verdict> {
        let all =
            meshlift_checks::assess(&mesh(snapshot.clone()), &Intent::default(), Some(&target)).findings;
        all.into_iter().filter(|one| one.code == "ML4183").map(|one| one.verdict).collect()
    };
    assert_eq!(found(&snapshot), [Verdict::Unknown]);
    let target_ref = TargetReference { kind: "Service".into(), name: "bff".into() };
    snapshot.objects.backend_tls_policies[0].spec.target_refs = vec![target_ref];
    assert_eq!(found(&snapshot), [Verdict::Fail]);
    snapshot.objects.backend_tls_policies[0].spec.target_refs[0].name = "other".into();
    assert_eq!(found(&snapshot), []);
}
