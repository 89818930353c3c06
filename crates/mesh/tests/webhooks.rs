//! Who injects a pod, for cases that no recording has: labels of every kind, edited webhooks, istiod's own
//! skips, sources that were not read.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::sync::Arc;

use meshlift_mesh::{Follows, Injection, Mesh};
use meshlift_model::k8s::{MatchCondition, MutatingWebhookConfiguration, Namespace, Pod, Shared, StringMap};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::selector::{LabelSelector, Requirement};
use meshlift_model::snapshot::{Snapshot, SourceStatus};
use meshlift_snapshot::fixtures::cluster;

/// A mesh with revisions 1-29-6 and 1-30-3; prod-canary and prod-stable lead to the new one.
fn snapshot() -> Snapshot {
    cluster("half-moved").unwrap()
}

fn map(pairs: &[(&str, &str)]) -> StringMap {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn pod(labels: &[(&str, &str)]) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.name = "probe".into();
    pod.metadata.namespace = "probing".into();
    pod.metadata.labels = map(labels).into();
    pod
}

fn namespace(labels: &[(&str, &str)]) -> Namespace {
    let mut namespace = Namespace::default();
    namespace.metadata.name = "probing".into();
    namespace.metadata.labels = map(labels).into();
    namespace
}

/// What a pod of a namespace gets.
fn get(mut snapshot: Snapshot, namespace: Namespace, pod: Pod) -> Shared<Injection> {
    let found = pod.metadata.namespace.clone();
    snapshot.objects.namespaces.push(namespace);
    snapshot.objects.pods.push(pod);
    let mesh = Mesh::derive(Arc::new(snapshot));
    mesh.pods
        .values()
        .find(|one| one.pod.namespace == found && one.pod.name == "probe")
        .unwrap()
        .on_restart
        .clone()
}

fn configuration<'s>(snapshot: &'s mut Snapshot, name: &str) -> &'s mut MutatingWebhookConfiguration {
    snapshot.objects.mutating_webhooks.iter_mut().find(|one| one.metadata.name == name).unwrap()
}

fn tag(name: &str) -> Follows {
    Follows::Tag { tag: TagName::new(name) }
}

fn unserved(name: &str) -> Follows {
    Follows::Unserved { name: name.to_owned() }
}

/// The table of Istio's algorithm, with stock webhooks.
#[test]
fn labels_select_as_istio_says() {
    const INJECT: &str = "sidecar.istio.io/inject";
    const REV: &str = "istio.io/rev";
    type Labels = &'static [(&'static str, &'static str)];
    let cases: [(Labels, Labels, Option<&str>, Follows); 15] = [
        (&[], &[], None, Follows::Nothing),
        (&[("istio-injection", "enabled")], &[], Some("1-29-6"), tag("default")),
        (
            &[("istio-injection", "enabled"), (REV, "prod-stable")],
            &[(REV, "1-30-3")],
            Some("1-29-6"),
            tag("default"),
        ),
        (
            &[("istio-injection", "disabled"), (REV, "prod-stable")],
            &[(INJECT, "true")],
            None,
            Follows::Nothing,
        ),
        (&[(REV, "prod-stable")], &[], Some("1-30-3"), tag("prod-stable")),
        (&[(REV, "prod-stable")], &[(REV, "1-29-6")], Some("1-30-3"), tag("prod-stable")),
        (&[(REV, "prod-stable")], &[(INJECT, "false")], None, Follows::Nothing),
        (&[(REV, "default")], &[], Some("1-29-6"), tag("default")),
        (
            &[(REV, "1-29-6")],
            &[],
            Some("1-29-6"),
            Follows::Revision { revision: RevisionName::new("1-29-6") },
        ),
        (&[(REV, "gone")], &[], None, unserved("gone")),
        (&[(REV, "gone")], &[(REV, "prod-stable")], None, unserved("gone")),
        (&[], &[(REV, "prod-stable")], Some("1-30-3"), tag("prod-stable")),
        (&[], &[(REV, "gone")], None, unserved("gone")),
        (&[], &[(INJECT, "true")], Some("1-29-6"), tag("default")),
        (&[], &[(INJECT, "true"), (REV, "prod-canary")], Some("1-30-3"), tag("prod-canary")),
    ];
    for (of_namespace, of_pod, revision, follows) in cases {
        let got = get(snapshot(), namespace(of_namespace), pod(of_pod));
        let told = format!("{of_namespace:?} {of_pod:?}: {}", got.why);
        assert_eq!(got.revision.as_ref().map(RevisionName::as_str), revision, "{told}");
        assert_eq!(got.follows, follows, "{told}");
        assert!(got.uncertain.is_empty() && got.also.is_empty() && !got.refused, "{told}");
    }
}

#[test]
fn marks_of_injection_are_not_seen() {
    let mut marked = pod(&[]);
    let status = r#"{"containers":["istio-proxy"],"revision":"1-30-3"}"#;
    marked.metadata.annotations =
        map(&[("istio.io/rev", "1-30-3"), ("sidecar.istio.io/status", status)]).into();
    let got = get(snapshot(), namespace(&[]), marked.clone());
    assert_eq!((&got.revision, &got.follows), (&None, &Follows::Nothing));
    let bare = meshlift_mesh::BarePod::of_pod(&marked);
    assert_eq!((bare.annotation("istio.io/rev"), bare.annotation("sidecar.istio.io/status")), (None, None));
    assert!(bare.to_template().metadata.annotations.is_empty());
}

#[test]
fn istiod_skips_what_it_skips() {
    let selected = || namespace(&[("istio.io/rev", "prod-stable")]);
    let mut host = pod(&[]);
    host.spec.host_network = true;
    assert!(get(snapshot(), selected(), host).why.contains("node's network"));

    let mut annotated = pod(&[]);
    annotated.metadata.annotations = map(&[("sidecar.istio.io/inject", "false")]).into();
    let got = get(snapshot(), selected(), annotated.clone());
    assert_eq!((&got.revision, &got.follows), (&None, &Follows::Nothing));
    annotated.metadata.labels = map(&[("sidecar.istio.io/inject", "true")]).into();
    assert!(get(snapshot(), selected(), annotated).revision.is_some(), "the label wins over the annotation");

    let mut system = pod(&[("istio.io/rev", "prod-stable")]);
    system.metadata.namespace = "kube-system".into();
    assert!(get(snapshot(), selected(), system).why.contains("leaves namespace kube-system alone"));

    let mut off = snapshot();
    for map in off.objects.config_maps.iter_mut().filter(|map| map.data.contains_key("values")) {
        let values = map.data.get_mut("values").unwrap();
        *values = values.replace(r#""autoInject": "enabled""#, r#""autoInject": "disabled""#);
    }
    let got = get(off.clone(), selected(), pod(&[]));
    assert!(got.revision.is_none() && got.why.contains("policy is `disabled`"), "{}", got.why);
    assert!(get(off, selected(), pod(&[("sidecar.istio.io/inject", "true")])).revision.is_some());
}

#[test]
fn every_namespace_has_its_name_as_a_label() {
    let mut edited = snapshot();
    let own = Requirement {
        key: "kubernetes.io/metadata.name".into(),
        operator: "In".into(),
        values: vec!["probing".into()],
    };
    let webhook = &mut configuration(&mut edited, "istio-revision-tag-prod-stable").webhooks[0];
    webhook.namespace_selector =
        Some(LabelSelector { match_expressions: vec![own], ..LabelSelector::default() });
    let got = get(edited, namespace(&[]), pod(&[]));
    assert_eq!(got.follows, tag("prod-stable"));
}

#[test]
fn the_last_of_several_webhooks_wins_and_the_others_are_named() {
    let mut edited = snapshot();
    for name in ["istio-revision-tag-prod-stable", "istio-sidecar-injector-1-29-6"] {
        configuration(&mut edited, name).webhooks[0].namespace_selector = None;
    }
    let got = get(edited, namespace(&[]), pod(&[]));
    assert_eq!(got.revision, Some(RevisionName::new("1-29-6")), "configurations are called by name");
    assert_eq!(got.also.len(), 1);
    assert_eq!(got.also[0].0, "istio-revision-tag-prod-stable");
}

#[test]
fn rules_must_cover_the_creation_of_pods() {
    let mut edited = snapshot();
    configuration(&mut edited, "istio-revision-tag-prod-stable").webhooks[0].rules[0].operations =
        vec!["UPDATE".into()];
    let got = get(edited, namespace(&[("istio.io/rev", "prod-stable")]), pod(&[]));
    assert_eq!((&got.revision, &got.follows), (&None, &Follows::Nothing), "the name is served, but not here");
}

#[test]
fn what_labels_do_not_decide_is_uncertain() {
    let selected = || namespace(&[("istio.io/rev", "prod-stable")]);
    let mut conditional = snapshot();
    let condition = MatchCondition { name: "not-batch".into(), expression: "true".into() };
    configuration(&mut conditional, "istio-revision-tag-prod-stable").webhooks[0]
        .match_conditions
        .push(condition);
    let got = get(conditional, selected(), pod(&[]));
    assert!(got.revision.is_some() && got.uncertain[0].contains("matchConditions (not-batch)"));

    let mut unread = snapshot();
    let refused = SourceStatus::Refused { reason: "forbidden".into() };
    unread.sources.insert("mutatingwebhookconfigurations.admissionregistration.k8s.io".into(), refused);
    unread.objects.mutating_webhooks.clear();
    let got = get(unread, selected(), pod(&[]));
    assert!(got.revision.is_none() && got.uncertain[0].contains("forbidden"));

    let mut elsewhere = pod(&[]);
    elsewhere.metadata.namespace = "unrecorded".into();
    assert!(get(snapshot(), selected(), elsewhere).uncertain[0].contains("unrecorded"));

    let mut mislabelled = snapshot();
    let label = &mut configuration(&mut mislabelled, "istio-revision-tag-prod-stable").metadata.labels;
    label.insert("istio.io/rev".into(), "1-29-6".into());
    let got = get(mislabelled, selected(), pod(&[]));
    assert_eq!(got.revision, Some(RevisionName::new("1-30-3")), "whom it calls decides");
    assert!(got.uncertain[0].contains("calls 1-30-3"));
}

#[test]
fn an_injector_that_is_not_there_refuses_or_is_ignored() {
    let selected = || namespace(&[("istio.io/rev", "prod-stable")]);
    let mut dark = snapshot();
    dark.objects.endpoint_slices.clear();
    let got = get(dark.clone(), selected(), pod(&[]));
    assert!(got.refused && got.why.contains("would be refused"));
    for webhook in &mut configuration(&mut dark, "istio-revision-tag-prod-stable").webhooks {
        webhook.failure_policy = "Ignore".into();
    }
    let got = get(dark, selected(), pod(&[]));
    assert!(!got.refused && got.revision.is_none() && got.follows == tag("prod-stable"));
}

#[test]
fn nodes_decide_between_native_and_classic() {
    let selected = || namespace(&[("istio.io/rev", "prod-stable")]);
    let with_kubelet = |version: &str| {
        let mut snapshot = snapshot();
        snapshot.objects.nodes[0].status.node_info.kubelet_version = version.into();
        snapshot
    };
    let native = |snapshot: Snapshot| get(snapshot, selected(), pod(&[])).native;
    assert_eq!(native(with_kubelet("v1.33.0")), Some(true));
    assert_eq!(native(with_kubelet("v1.32.9")), Some(false), "one old node decides for all");
    assert_eq!(native(with_kubelet("custom")), Some(false));
    let mut unread = snapshot();
    unread.sources.insert("nodes".into(), SourceStatus::Broken { reason: "timeout".into() });
    assert_eq!(native(unread), None);
    let mut asked = pod(&[]);
    asked.metadata.annotations = map(&[("sidecar.istio.io/nativeSidecar", "true")]).into();
    assert_eq!(get(with_kubelet("v1.32.9"), selected(), asked).native, Some(true));
    let mut gateway = pod(&[]);
    gateway.metadata.annotations = map(&[("inject.istio.io/templates", "gateway")]).into();
    assert_eq!(get(snapshot(), selected(), gateway).native, Some(false));
    let mut off = snapshot();
    for deployment in off.objects.deployments.iter_mut().filter(|one| one.metadata.name.starts_with("istiod"))
    {
        let env = &mut deployment.spec.template.spec.containers[0].env;
        let name = "ENABLE_NATIVE_SIDECARS".into();
        env.push(meshlift_model::k8s::EnvVar {
            name,
            value: "false".into(),
            ..meshlift_model::k8s::EnvVar::default()
        });
    }
    assert_eq!(native(off), Some(false));
}
