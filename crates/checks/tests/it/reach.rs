//! ML1030 to ML1046: whom a restart reaches, and what it depends on.

use std::collections::BTreeMap;

use meshlift_model::finding::{Severity, TrafficVerdict};
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{
    CronJob, Deployment, Lifecycle, LifecycleHandler, Node, OwnerReference, Pod, SleepAction, StatefulSet,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

use crate::common::{
    appears, assess, cluster, found, mesh, object, of, pods, stays_away, subjects, unchanged, vanishes,
    version,
};

#[test]
fn on_delete_and_partitions_keep_pods_back() {
    vanishes("ML1030", "before", "StatefulSet/data/kafka", |s| {
        object::<StatefulSet>(s, "data/kafka").spec.update_strategy.type_ = "RollingUpdate".into();
    });
    let partition = |s: &mut Snapshot, value| {
        let set: &mut StatefulSet = object(s, "data/pg");
        set.spec.update_strategy.rolling_update.as_mut().unwrap().partition = Some(value);
    };
    vanishes("ML1031", "before", "StatefulSet/data/pg", |s| partition(s, 0));
    let all = assess(changed("before", |s| partition(s, 7)), Some(&version("1.30.3")));
    assert!(of(&all, "ML1031")[0].detail.contains("pg-0, pg-1, pg-2"));
    // What is where the upgrade goes needs no restart, and no choice.
    assert!(subjects(&unchanged("after"), "ML1030").is_empty());
    assert!(found("ML1031", "after", |s| partition(s, 1)).is_empty());
}

#[test]
fn pods_without_a_controller_that_is_known_are_said() {
    let shell = "Pod/batch/debug-shell";
    vanishes("ML1032", "before", shell, |s| {
        let pod: &mut Pod = object(s, "batch/debug-shell");
        pod.metadata.annotations.clear();
        pod.spec.init_containers.clear();
        pod.metadata.labels.insert("sidecar.istio.io/inject".into(), "false".into());
    });
    let adopted = |s: &mut Snapshot| {
        object::<Pod>(s, "batch/debug-shell").metadata.owner_references = vec![OwnerReference {
            api_version: "db.example.com/v1".into(),
            kind: "Cluster".into(),
            name: "main".into(),
            uid: "u".into(),
            controller: true,
            ..OwnerReference::default()
        }]
        .into();
    };
    vanishes("ML1032", "before", shell, adopted);
    assert_eq!(found("ML1033", "before", adopted).len(), 1);
}

#[test]
fn runs_to_come_are_told_of() {
    vanishes("ML1034", "before", "CronJob/batch/settle", |s| {
        let template = &mut object::<CronJob>(s, "batch/settle").spec.job_template.spec.template;
        template.metadata.labels.insert("sidecar.istio.io/inject".into(), "false".into());
    });
}

#[test]
fn a_sleep_cures_an_exposed_workload_and_only_as_promised() {
    let subject: ObjectRef = "Deployment/web/bff".parse().unwrap();
    let before = assess(cluster("before"), None);
    let exposed = &before.workloads[&subject];
    assert_eq!(exposed.verdict, TrafficVerdict::Exposed);
    let cure = exposed.cure_sleep_seconds.unwrap();
    let verdict = |seconds| {
        let snapshot = changed("before", |s| {
            pods(s, "web/bff").into_iter().for_each(|pod| sleep(pod, seconds));
        });
        assess(snapshot, None).workloads[&subject].clone()
    };
    assert_eq!(verdict(cure).verdict, TrafficVerdict::Safe);
    assert_eq!(verdict(cure).exposure_millis, 0.0);
    let short = verdict(2);
    assert_eq!(short.verdict, TrafficVerdict::Exposed);
    assert!(short.exposure_millis < exposed.exposure_millis);
    vanishes("ML1040", "before", "Deployment/web/bff", |s| {
        pods(s, "web/bff").into_iter().for_each(|pod| sleep(pod, cure));
    });
    // No sleep helps a classic sidecar, which exits after 5 s by itself.
    let books: ObjectRef = "Deployment/ledger-classic/books".parse().unwrap();
    assert_eq!(before.workloads[&books].cure_sleep_seconds, None);
}

#[test]
fn exposure_warns_where_it_matters_most() {
    let severity = |intent: &Intent| {
        let assessment = meshlift_checks::assess(&mesh(cluster("before")), intent, None);
        let all: BTreeMap<String, Severity> =
            of(&assessment, "ML1040").iter().map(|f| (f.subject.to_string(), f.severity)).collect();
        all
    };
    let by_label = severity(&Intent::default());
    assert_eq!(by_label["Deployment/payments/api"], Severity::Warn);
    assert_eq!(by_label["Deployment/web/bff"], Severity::Info);
    let mut intent = Intent::default();
    intent.slo_critical.namespaces = vec!["web".into()];
    intent.slo_critical.label = Some("tier=other".into());
    let by_name = severity(&intent);
    assert_eq!(by_name["Deployment/payments/api"], Severity::Info);
    assert_eq!(by_name["Deployment/web/bff"], Severity::Warn);
}

#[test]
fn capacity_is_told_of() {
    let replicas =
        |s: &mut Snapshot, path: &str, count| object::<Deployment>(s, path).spec.replicas = Some(count);
    vanishes("ML1041", "before", "Deployment/team-12/api-2", |s| replicas(s, "team-12/api-2", 2));
    appears("ML1041", "before", "Deployment/web/bff", |s| replicas(s, "web/bff", 1));
    stays_away("ML1041", "before", "Deployment/search/indexer", |_| {});
    appears("ML1042", "before", "Deployment/checkout/cart", |s| replicas(s, "checkout/cart", 4));
    vanishes("ML1042", "before", "Deployment/payments/worker", |s| replicas(s, "payments/worker", 1));
    vanishes("ML1045", "before", "Deployment/checkout/web", |s| replicas(s, "checkout/web", 5));
}

#[test]
fn an_old_node_changes_the_shape_of_sidecars() {
    let old = |s: &mut Snapshot| {
        let nodes: &mut Vec<Node> = &mut s.objects.nodes;
        nodes[0].status.node_info.kubelet_version = "v1.32.9".into();
    };
    appears("ML1044", "before", "Deployment/web/bff", old);
    stays_away("ML1044", "before", "Deployment/ledger-classic/books", old);
    stays_away("ML1044", "before", "Deployment/istio-ingress/istio-ingressgateway", old);
    appears("ML1044", "before", "Deployment/ledger-classic/books", |s| {
        object::<Deployment>(s, "ledger-classic/books")
            .spec
            .template
            .metadata
            .annotations
            .remove("sidecar.istio.io/nativeSidecar");
    });
}

#[test]
fn running_rollouts_are_told_of() {
    assert!(subjects(&unchanged("before"), "ML1046").is_empty());
    let running = subjects(&unchanged("canary-moved"), "ML1046");
    assert!(running.contains("Deployment/web/storefront"), "{running:?}");
}

fn changed(recording: &str, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = cluster(recording);
    change(&mut snapshot);
    snapshot
}

fn sleep(pod: &mut Pod, seconds: i64) {
    let handler = LifecycleHandler { sleep: Some(SleepAction { seconds }), ..LifecycleHandler::default() };
    pod.spec.containers[0].lifecycle =
        Some(Box::new(Lifecycle { pre_stop: Some(handler), post_start: None }));
}
