//! ML5001 to ML6003: control planes, webhooks, tags, proxies, node agents.

use meshlift_checks::Assessment;
use meshlift_model::defaults::ROOT_CERT;
use meshlift_model::finding::{Severity, Verdict};
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{
    ConfigMap, DaemonSet, EndpointSlice, Service, StatefulSet, StringMap, ValidatingWebhookConfiguration,
};
use meshlift_model::names::{IstioVersion, RevisionName};
use meshlift_model::snapshot::{ProxyStatus, Snapshot, SyncState};

use crate::common::{
    appears, assess, cluster, found, found_at, mesh, object, of, pods, stays_away, subjects, unchanged,
    version,
};

fn sync(snapshot: &mut Snapshot, namespace: &str, state: &SyncState) -> String {
    let mut all = snapshot.istiods.values_mut().filter_map(|answers| answers.syncz.as_mut()).flatten();
    let of = |status: &&mut ProxyStatus| status.pod().is_some_and(|(_, place)| place == namespace);
    let status = all.find(of).unwrap();
    let first = status.types.values_mut().next().unwrap();
    *first = state.clone();
    let (pod, namespace) = status.pod().unwrap();
    format!("Pod/{namespace}/{pod}")
}

#[test]
fn a_rejection_blocks_and_a_delay_does_not() {
    assert!(subjects(&unchanged("before"), "ML5001").is_empty());
    let mut snapshot = cluster("before");
    let pod = sync(&mut snapshot, "web", &SyncState::Error("bad filter".into()));
    let assessment = assess(snapshot, None);
    assert!(subjects(&assessment, "ML5001").contains(&pod));
    assert!(of(&assessment, "ML5001")[0].detail.contains("bad filter"));
    let mut snapshot = cluster("before");
    let pod = sync(&mut snapshot, "web", &SyncState::Stale);
    let assessment = assess(snapshot, None);
    assert!(subjects(&assessment, "ML5002").contains(&pod));
    assert!(subjects(&assessment, "ML5001").is_empty());
}

#[test]
fn a_proxy_that_contradicts_itself_is_unknown() {
    assert!(subjects(&unchanged("before"), "ML5003").is_empty());
    let mut snapshot = cluster("before");
    let pod = pods(&mut snapshot, "web/bff").remove(0);
    let name = format!("Pod/web/{}", pod.metadata.name);
    for container in pod.spec.init_containers.iter_mut().filter(|container| container.name == "istio-proxy") {
        container.image = "docker.io/istio/proxyv2:1.28.1".into();
    }
    assert!(subjects(&assess(snapshot, None), "ML5003").contains(&name));
}

#[test]
fn a_half_installed_revision_blocks() {
    for recording in ["before", "canary-installed", "after", "ambient-before"] {
        assert!(found("ML5004", recording, |_| {}).is_empty(), "{recording}");
    }
    appears("ML5004", "canary-installed", "Revision/1-30-3", |s| {
        s.objects.config_maps.retain(|map| map.metadata.name != "istio-sidecar-injector-1-30-3");
    });
    appears("ML5004", "canary-installed", "Revision/1-30-3", |s| {
        s.objects
            .mutating_webhooks
            .retain(|webhook| webhook.metadata.name != "istio-sidecar-injector-1-30-3");
    });
}

fn silence(snapshot: &mut Snapshot, service: &str) {
    for slice in &mut snapshot.objects.endpoint_slices {
        let slice: &mut EndpointSlice = slice;
        if slice.metadata.label("kubernetes.io/service-name") == Some(service) {
            slice.endpoints.iter_mut().for_each(|endpoint| endpoint.conditions.ready = Some(false));
        }
    }
}

#[test]
fn an_injector_that_cannot_answer_blocks() {
    let injector = "MutatingWebhookConfiguration/istio-sidecar-injector-1-29-6";
    assert!(subjects(&unchanged("before"), "ML5005").is_empty());
    appears("ML5005", "before", injector, |s| silence(s, "istiod-1-29-6"));
    appears("ML5005", "before", "MutatingWebhookConfiguration/istio-revision-tag-default", |s| {
        s.objects.services.retain(|service: &Service| service.metadata.name != "istiod-1-29-6");
    });
    // Another revision's silence is its own matter.
    stays_away("ML5005", "canary-installed", injector, |s| silence(s, "istiod-1-30-3"));
}

#[test]
fn a_validator_that_cannot_answer_is_as_bad_as_its_policy() {
    assert!(subjects(&unchanged("before"), "ML5006").is_empty());
    let severities = |policy: &str| {
        let mut snapshot = cluster("before");
        silence(&mut snapshot, "istiod-1-29-6");
        for webhook in snapshot.objects.validating_webhooks.iter_mut().flat_map(|all| &mut all.webhooks) {
            webhook.failure_policy = policy.into();
        }
        let assessment = assess(snapshot, None);
        of(&assessment, "ML5006").iter().map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert!(severities("Fail").iter().all(|severity| *severity == Severity::Block));
    assert!(severities("Ignore").iter().all(|severity| *severity == Severity::Warn));
    assert!(!severities("Fail").is_empty());
    // Others' validators are others' business.
    let foreign = |s: &mut Snapshot| {
        let first: &mut ValidatingWebhookConfiguration = &mut s.objects.validating_webhooks[0];
        first.metadata.name = "policies".into();
        first.webhooks.iter_mut().for_each(|webhook| {
            webhook.name = "policy.example.com".into();
            webhook.client_config.service.as_mut().unwrap().name = "gone".into();
        });
    };
    stays_away("ML5006", "before", "ValidatingWebhookConfiguration/policies", foreign);
}

#[test]
fn a_torn_tag_is_told_of() {
    assert!(subjects(&unchanged("canary-moved"), "ML5007").is_empty());
    appears("ML5007", "canary-moved", "Tag/prod-canary", |s| {
        let service: &mut Service = object(s, "istio-system/istiod-revision-tag-prod-canary");
        service.metadata.labels.insert("istio.io/rev".into(), "1-29-6".into());
        service.spec.selector.insert("istio.io/rev".into(), "1-29-6".into());
    });
}

const DEFAULT_VALIDATOR: &str = "ValidatingWebhookConfiguration/istiod-default-validator";

/// The default validator says this revision and calls this Service.
fn validate(s: &mut Snapshot, label: &str, service: &str) {
    let validator: &mut ValidatingWebhookConfiguration = object(s, "istiod-default-validator");
    validator.metadata.labels.insert("istio.io/rev".into(), label.into());
    for webhook in &mut validator.webhooks {
        webhook.client_config.service.as_mut().unwrap().name = service.into();
    }
}

#[test]
fn a_default_of_two_minds_is_told_of() {
    for recording in ["before", "canary-installed", "moved", "after", "ambient-before"] {
        assert!(subjects(&unchanged(recording), "ML5018").is_empty(), "{recording}");
    }
    let at = |label: &'static str, service: &'static str| {
        found("ML5018", "canary-installed", |s| validate(s, label, service)).contains(DEFAULT_VALIDATOR)
    };
    assert!(at("1-30-3", "istiod-1-30-3"));
    assert!(at("1-29-6", "istiod-1-30-3"));
    assert!(at("1-30-3", "istiod-1-29-6"));
    // Nothing is behind it, and its label says another revision: what the base chart writes by itself.
    assert!(at("default", "istiod"));
    assert!(!at("1-29-6", "istiod-1-29-6"));
    assert!(!at("1-29-6", "istiod-revision-tag-default"));
    assert!(!at("default", "istiod-revision-tag-default"));
    assert!(at("1-29-6", "istiod-revision-tag-gone") != at("1-30-3", "istiod-revision-tag-gone"));
}

/// Neither a tag nor a validator `default`.
fn without_default(s: &mut Snapshot) {
    let is_default = |label: Option<&str>| label == Some("default");
    s.objects.mutating_webhooks.retain(|one| !is_default(one.metadata.label("istio.io/tag")));
    s.objects.services.retain(|one| !is_default(one.metadata.label("istio.io/tag")));
    s.objects.validating_webhooks.retain(|one| one.metadata.name != "istiod-default-validator");
}

#[test]
fn no_default_matters_to_what_relies_on_it() {
    let severity = |recording: &str, change: fn(&mut Snapshot)| {
        let mut snapshot = cluster(recording);
        change(&mut snapshot);
        let assessment = assess(snapshot, Some(&version("1.30.3")));
        of(&assessment, "ML5019").first().map(|finding| finding.severity)
    };
    assert!(subjects(&unchanged("before"), "ML5019").is_empty());
    // Configuration that nobody checks any more.
    assert_eq!(severity("canary-installed", without_default), Some(Severity::Warn));
    let nothing_relies = |s: &mut Snapshot| {
        without_default(s);
        for webhook in s.objects.validating_webhooks.iter_mut().flat_map(|one| &mut one.webhooks) {
            webhook.object_selector = None;
        }
    };
    assert_eq!(severity("canary-installed", nothing_relies), Some(Severity::Info));
    // A single revision, and nothing that asks for a default.
    assert_eq!(severity("before", nothing_relies), None);
    let unrevisioned = |s: &mut Snapshot| {
        without_default(s);
        let istiod: &mut meshlift_model::k8s::Deployment = object(s, "istio-system/istiod-1-30-3");
        istiod.spec.template.metadata.labels.insert("istio.io/rev".into(), "default".into());
        for container in &mut istiod.spec.template.spec.containers {
            container.env.retain(|env| env.name != "REVISION");
        }
    };
    assert_eq!(severity("canary-installed", unrevisioned), None);
    // Half of a default is another check's matter.
    let validator_alone = |s: &mut Snapshot| {
        let validators = s.objects.validating_webhooks.clone();
        without_default(s);
        s.objects.validating_webhooks = validators;
    };
    assert_eq!(severity("canary-installed", validator_alone), None);
    // A Gateway that names no revision belongs to nobody.
    let unlabelled = |s: &mut Snapshot| {
        without_default(s);
        for webhook in s.objects.validating_webhooks.iter_mut().flat_map(|one| &mut one.webhooks) {
            webhook.object_selector = None;
        }
        object::<meshlift_model::k8s::Gateway>(s, "edge/public").metadata.labels.remove("istio.io/rev");
        object::<meshlift_model::k8s::Namespace>(s, "edge").metadata.labels.remove("istio.io/rev");
    };
    assert_eq!(severity("ambient-canary-installed", unlabelled), Some(Severity::Warn));
}

#[test]
fn two_minor_versions_forwards_are_as_far_as_it_goes() {
    let revision = "Revision/1-29-6";
    for (target, far) in [
        ("1.29.6", false),
        ("1.29.7", false),
        ("1.30.3", false),
        ("1.31.0", false),
        ("1.32.0", true),
        ("1.29.5", true),
        ("2.0.0", true),
    ] {
        assert_eq!(found_at("ML5008", "before", target, |_| {}).contains(revision), far, "{target}");
    }
    // What nothing uses any more holds nobody back.
    assert!(found_at("ML5008", "moved", "1.32.0", |_| {}).is_empty());
}

#[test]
fn an_old_kubernetes_holds_the_target_back() {
    let old = |version: &'static str| move |s: &mut Snapshot| s.kubernetes_version = Some(version.into());
    assert!(subjects(&unchanged("before"), "ML5009").is_empty());
    assert!(!found("ML5009", "before", old("v1.31.9")).is_empty());
    assert!(found("ML5009", "before", old("v1.32.0")).is_empty());
    assert!(found_at("ML5009", "before", "1.29.7", old("v1.31.9")).is_empty());
}

#[test]
fn a_kubernetes_newer_than_the_target_knows_is_told_of() {
    let at = |target: &str, kubernetes: Option<&'static str>| {
        found_at("ML5020", "before", target, |s| s.kubernetes_version = kubernetes.map(Into::into))
    };
    for (target, most) in [("1.29.6", 35), ("1.30.3", 36), ("1.31.1", 36)] {
        let running = |minor: u32| Some(&*format!("v1.{minor}.1-gke.100").leak());
        assert!(at(target, running(most)).is_empty(), "{target}");
        assert!(at(target, running(most + 1)).contains("Cluster/kubernetes"), "{target}");
    }
    // What is not in the table, and what the server did not say, is no reason to warn.
    assert!(at("1.32.0", Some("v1.40.0")).is_empty());
    assert!(at("2.30.0", Some("v1.40.0")).is_empty());
    assert!(at("1.30.3", Some("unknown")).is_empty());
    assert!(at("1.30.3", None).is_empty());
}

#[test]
fn a_root_that_ends_soon_blocks() {
    let assess_until = |days: i64| -> Assessment {
        let mut mesh = mesh(cluster("before"));
        let now = mesh.snapshot.newest_time().unwrap();
        let revision = mesh.revisions.get_mut(&RevisionName::new("1-29-6")).unwrap();
        revision.root_ca_until = Some(now.plus_seconds(days * 86_400 + 60));
        meshlift_checks::assess(&mesh, &Intent::default(), None)
    };
    assert!(subjects(&assess_until(30), "ML5010").is_empty());
    assert!(subjects(&assess_until(29), "ML5010").contains("Revision/1-29-6"));
    assert!(subjects(&assess_until(-1), "ML5010").contains("Revision/1-29-6"));
}

#[test]
fn the_end_of_a_root_that_no_istiod_tells_is_read_from_the_certificate() {
    let root_of = |root: Option<&str>| {
        let mut snapshot = cluster("before");
        snapshot.istiods.values_mut().for_each(|answers| answers.metrics = None);
        if let Some(root) = root {
            let system = |map: &&mut ConfigMap| map.metadata.namespace == "istio-system";
            let data = [(ROOT_CERT.1.to_owned(), root.to_owned())];
            let mut maps = snapshot.objects.config_maps.iter_mut().filter(system);
            let map = maps.find(|map| map.metadata.name == ROOT_CERT.0).unwrap();
            map.data = data.into_iter().collect::<StringMap>().into();
        }
        mesh(snapshot)
    };
    let old = RevisionName::new("1-29-6");
    let told = mesh(cluster("before")).revisions[&old].root_ca_until;
    assert_eq!(root_of(None).revisions[&old].root_ca_until, told, "istiod tells the same");
    assert!(
        subjects(&meshlift_checks::assess(&root_of(None), &Intent::default(), None), "ML5010").is_empty()
    );
    for damaged in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let assessment = meshlift_checks::assess(&root_of(Some(damaged)), &Intent::default(), None);
        let finding = assessment.findings.iter().find(|one| one.code == "ML5010").unwrap();
        assert_eq!((finding.verdict, finding.severity), (Verdict::Unknown, Severity::Warn), "{damaged}");
    }
}

#[test]
fn an_istiod_that_empties_gateways_is_told_of_where_it_has_some() {
    let with = |recording: &str, text: &str| {
        let mut mesh = mesh(cluster(recording));
        let running: IstioVersion = version(text);
        mesh.revisions.get_mut(&RevisionName::new("1-29-6")).unwrap().version = Some(running);
        subjects(&meshlift_checks::assess(&mesh, &Intent::default(), None), "ML5011")
    };
    assert!(with("ambient-before", "1.29.4").contains("Revision/1-29-6"));
    assert!(with("ambient-before", "1.28.10").contains("Revision/1-29-6"));
    assert!(with("ambient-before", "1.29.5").is_empty());
    assert!(with("ambient-before", "1.30.1").contains("Revision/1-29-6"));
    assert!(with("before", "1.29.4").is_empty());
}

#[test]
fn node_agents_and_long_drains_are_told_of_in_ambient_meshes() {
    assert!(subjects(&unchanged("before"), "ML6002").is_empty());
    assert!(subjects(&unchanged("before"), "ML6003").is_empty());
    assert!(found_at("ML6003", "ambient-before", "1.29.6", |_| {}).is_empty());
    let grace = |seconds: i64| {
        move |s: &mut Snapshot| {
            object::<DaemonSet>(s, "istio-system/ztunnel")
                .spec
                .template
                .spec
                .termination_grace_period_seconds = Some(seconds);
        }
    };
    assert!(found("ML6001", "ambient-before", grace(300)).is_empty());
    appears("ML6001", "ambient-before", "StatefulSet/streams/broker", |s| {
        let set: &mut StatefulSet = object(s, "streams/broker");
        set.spec.template.spec.termination_grace_period_seconds = Some(600);
    });
}
