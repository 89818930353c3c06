//! ML1001 to ML1051: what a rollout loses, where it stops, what it goes below.

use meshlift_model::finding::{Severity, Verdict};
use meshlift_model::k8s::{
    Condition, ConfigMap, Container, Deployment, EnvVar, EnvVarSource, IntOrString, ObjectSource,
    PodDisruptionBudget, ResourceQuota, RollingUpdate, SecretVolumeSource, Service, StatefulSet, Volume,
};
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use crate::common::{appears, assess, cluster, object, of, pods, stays_away, vanishes};

fn rolling(snapshot: &mut Snapshot, path: &str, unavailable: IntOrString, surge: IntOrString) {
    let deployment: &mut Deployment = object(snapshot, path);
    deployment.spec.strategy.type_ = "RollingUpdate".into();
    deployment.spec.strategy.rolling_update =
        Some(RollingUpdate { max_unavailable: Some(unavailable), max_surge: Some(surge), partition: None });
}

fn percent(text: &str) -> IntOrString {
    IntOrString::String(text.into())
}

const INT_0: IntOrString = IntOrString::Int(0);
const INT_1: IntOrString = IntOrString::Int(1);

#[test]
fn a_single_replica_without_surge_is_a_gap() {
    let indexer = "Deployment/search/indexer";
    vanishes("ML1001", "before", indexer, |s| rolling(s, "search/indexer", INT_0, INT_1));
    vanishes("ML1001", "before", indexer, |s| rolling(s, "search/indexer", percent("25%"), percent("25%")));
    vanishes("ML1001", "before", indexer, |s| {
        object::<Deployment>(s, "search/indexer").spec.replicas = Some(2);
    });
    vanishes("ML1001", "before", indexer, |s| {
        s.objects.services.retain(|service| service.metadata.path() != "search/indexer");
    });
    // Both round to none: Kubernetes then lets one be missing.
    appears("ML1001", "before", "Deployment/team-12/api-2", |s| {
        rolling(s, "team-12/api-2", percent("25%"), INT_0);
    });
    appears("ML1001", "before", "Deployment/web/bff", |s| rolling(s, "web/bff", percent("100%"), INT_1));
    stays_away("ML1001", "before", "Deployment/web/bff", |s| rolling(s, "web/bff", percent("99%"), INT_1));
    vanishes("ML1001", "before", "StatefulSet/checkout/cart-redis", |s| {
        object::<StatefulSet>(s, "checkout/cart-redis").spec.replicas = Some(2);
    });
    // A StatefulSet's own limit rounds down, to one at least.
    let ledger = "StatefulSet/payments/ledger";
    let missing = |s: &mut Snapshot, written: &str| {
        let limits = RollingUpdate { max_unavailable: Some(percent(written)), ..RollingUpdate::default() };
        object::<StatefulSet>(s, "payments/ledger").spec.update_strategy.rolling_update = Some(limits);
    };
    appears("ML1001", "before", ledger, |s| missing(s, "100%"));
    stays_away("ML1001", "before", ledger, |s| missing(s, "99%"));
}

#[test]
fn recreate_is_a_gap_where_somebody_sends_requests() {
    let tax = "Deployment/checkout/tax";
    vanishes("ML1002", "before", tax, |s| rolling(s, "checkout/tax", INT_0, INT_1));
    vanishes("ML1002", "before", tax, |s| {
        object::<Service>(s, "checkout/tax").spec.selector.insert("app".into(), "other".into());
    });
    appears("ML1002", "before", "Deployment/web/bff", |s| {
        let deployment: &mut Deployment = object(s, "web/bff");
        deployment.spec.strategy.type_ = "Recreate".into();
        deployment.spec.strategy.rolling_update = None;
    });
}

#[test]
fn the_probe_of_the_serving_container_counts() {
    let reports = "Deployment/payments/reports";
    vanishes("ML1003", "before", reports, |s| {
        pods(s, "payments/reports").into_iter().for_each(|pod| {
            pod.spec.containers[0].readiness_probe = Some(Box::default());
        });
    });
    vanishes("ML1003", "before", reports, |s| {
        pods(s, "payments/reports").into_iter().for_each(|pod| {
            pod.spec.containers[0].startup_probe = Some(Box::default());
        });
    });
    let helper = |probed: bool| Container {
        name: "helper".into(),
        readiness_probe: probed.then(Box::default),
        ..Container::default()
    };
    // A helper beside the serving container neither needs a probe nor replaces one.
    stays_away("ML1003", "before", "Deployment/web/bff", |s| {
        pods(s, "web/bff").into_iter().for_each(|pod| pod.spec.containers.push(helper(false)));
    });
    appears("ML1003", "before", "Deployment/web/bff", |s| {
        pods(s, "web/bff").into_iter().for_each(|pod| {
            pod.spec.containers[0].readiness_probe = None;
            pod.spec.containers.push(helper(true));
        });
    });
}

#[test]
fn pods_that_end_too_early_are_a_gap() {
    let grace = |s: &mut Snapshot, path: &str, seconds| {
        pods(s, path).into_iter().for_each(|pod| pod.spec.termination_grace_period_seconds = Some(seconds));
    };
    let bff = "Deployment/web/bff";
    appears("ML1004", "before", bff, |s| grace(s, "web/bff", 0));
    stays_away("ML1004", "before", bff, |s| grace(s, "web/bff", 1));
    let balanced =
        |s: &mut Snapshot, path: &str| object::<Service>(s, path).spec.type_ = "LoadBalancer".into();
    appears("ML1004", "before", "Deployment/ledger-classic/books", |s| balanced(s, "ledger-classic/books"));
    // A native sidecar lives as long as its app, which may serve to the end of grace.
    stays_away("ML1004", "before", bff, |s| balanced(s, "web/bff"));
}

#[test]
fn a_full_quota_stops_what_cannot_roll_without_surge() {
    let ads = "Deployment/quota-tight/ads";
    vanishes("ML1010", "before", ads, |s| {
        let quota: &mut ResourceQuota = object(s, "quota-tight/pods");
        quota.status.hard.insert("pods".into(), "4".into());
    });
    vanishes("ML1010", "before", ads, |s| rolling(s, "quota-tight/ads", INT_1, INT_0));
    vanishes("ML1010", "before", ads, |s| {
        object::<ResourceQuota>(s, "quota-tight/pods").spec.scopes = vec!["Terminating".into()];
    });
    let quota = |s: &mut Snapshot, resource: &str, hard: &str, used: &str| {
        let mut quota: ResourceQuota = object::<ResourceQuota>(s, "quota-tight/pods").clone();
        quota.metadata.namespace = "web".into();
        quota.status.hard = [(resource.to_owned(), hard.to_owned())].into();
        quota.status.used = [(resource.to_owned(), used.to_owned())].into();
        s.objects.resource_quotas.push(quota);
    };
    // App and proxy ask 100m each.
    appears("ML1010", "before", "Deployment/web/bff", |s| quota(s, "requests.cpu", "1", "801m"));
    stays_away("ML1010", "before", "Deployment/web/bff", |s| quota(s, "requests.cpu", "1", "800m"));
    appears("ML1010", "before", "Deployment/web/bff", |s| quota(s, "requests.memory", "1Gi", "900Mi"));
    stays_away("ML1010", "before", "Deployment/web/bff", |s| quota(s, "services", "1", "1"));
}

#[test]
fn a_rollout_that_stands_still_is_said() {
    let failed = |s: &mut Snapshot, path: &str| {
        let deployment: &mut Deployment = object(s, path);
        deployment.status.conditions.retain(|condition| condition.type_ != "Progressing");
        deployment.status.conditions.push(Condition {
            type_: "Progressing".into(),
            status: "False".into(),
            reason: "ProgressDeadlineExceeded".into(),
            message: "timed out".into(),
            ..Condition::default()
        });
        deployment.status.updated_replicas = 1;
    };
    appears("ML1011", "before", "Deployment/web/bff", |s| failed(s, "web/bff"));
    // The full quota is the finding there, with the choices that cure it.
    stays_away("ML1011", "before", "Deployment/quota-tight/ads", |s| failed(s, "quota-tight/ads"));
}

#[test]
fn a_rollout_below_its_budget_is_said() {
    let ledger = "StatefulSet/payments/ledger";
    vanishes("ML1020", "before", ledger, |s| {
        object::<PodDisruptionBudget>(s, "payments/ledger").spec.max_unavailable = Some(INT_1);
    });
    vanishes("ML1020", "before", ledger, |s| {
        object::<StatefulSet>(s, "payments/ledger").spec.update_strategy.type_ = "OnDelete".into();
    });
    let fraud = "Deployment/payments/fraud";
    // minAvailable 2 of 3: one may be missing, two may not.
    stays_away("ML1020", "before", fraud, |s| rolling(s, "payments/fraud", INT_1, INT_0));
    appears("ML1020", "before", fraud, |s| rolling(s, "payments/fraud", IntOrString::Int(2), INT_0));
    // Percentages of a budget round up: 60 % of 3 are 2, 67 % are 3.
    let least = |s: &mut Snapshot, share: &str| {
        rolling(s, "payments/fraud", INT_1, INT_0);
        object::<PodDisruptionBudget>(s, "payments/fraud").spec.min_available = Some(percent(share));
    };
    stays_away("ML1020", "before", fraud, |s| least(s, "60%"));
    appears("ML1020", "before", fraud, |s| least(s, "67%"));
}

#[test]
fn a_budget_without_room_is_said_once_for_all_its_pods() {
    vanishes("ML1021", "before", "PodDisruptionBudget/identity/sessions", |s| {
        object::<PodDisruptionBudget>(s, "identity/sessions").spec.min_available = Some(IntOrString::Int(2));
    });
    appears("ML1021", "before", "PodDisruptionBudget/payments/api", |s| {
        object::<PodDisruptionBudget>(s, "payments/api").spec.max_unavailable = Some(percent("0%"));
    });
    // Rounds up: 1 % of 4 is one pod.
    stays_away("ML1021", "before", "PodDisruptionBudget/payments/api", |s| {
        object::<PodDisruptionBudget>(s, "payments/api").spec.max_unavailable = Some(percent("1%"));
    });
}

/// Containers of web/bff's template.
fn template(snapshot: &mut Snapshot, change: impl FnOnce(&mut meshlift_model::k8s::PodSpec)) {
    change(&mut object::<Deployment>(snapshot, "web/bff").spec.template.spec);
}

#[test]
fn what_a_new_pod_cannot_start_without_is_looked_for() {
    let bff = "Deployment/web/bff";
    let source = || ObjectSource { name: "settings".into(), optional: false };
    let by_key = |s: &mut Snapshot, optional: bool| {
        template(s, |spec| {
            let source = Some(Box::new(ObjectSource { optional, ..source() }));
            let value_from = EnvVarSource { config_map_key_ref: source, secret_key_ref: None };
            spec.containers[0].env.push(EnvVar { name: "LEVEL".into(), value: String::new(), value_from });
        });
    };
    let mounted = |s: &mut Snapshot| {
        template(s, |spec| {
            let config_map = Some(Box::new(source()));
            spec.volumes.push(Volume { name: "settings".into(), config_map, ..Volume::default() });
        });
    };
    let there = |s: &mut Snapshot, namespace: &str| {
        let mut map = ConfigMap::default();
        (map.metadata.namespace, map.metadata.name) = (namespace.into(), "settings".into());
        s.objects.config_maps.push(map);
    };
    appears("ML1051", "before", bff, |s| by_key(s, false));
    stays_away("ML1051", "before", bff, |s| by_key(s, true));
    appears("ML1051", "before", bff, mounted);
    stays_away("ML1051", "before", bff, |s| {
        mounted(s);
        there(s, "web");
    });
    // One of the same name elsewhere is no help.
    appears("ML1051", "before", bff, |s| {
        mounted(s);
        there(s, "payments");
    });
}

#[test]
fn secrets_are_looked_for_only_where_they_were_read() {
    let mounted = |s: &mut Snapshot| {
        template(s, |spec| {
            let secret = Some(Box::new(SecretVolumeSource { secret_name: "key".into(), optional: false }));
            spec.volumes.push(Volume { name: "key".into(), secret, ..Volume::default() });
        });
    };
    appears("ML1051", "before", "Deployment/web/bff", mounted);
    let mut snapshot = cluster("before");
    mounted(&mut snapshot);
    snapshot.sources.insert("secrets".into(), SourceStatus::Refused { reason: "forbidden".into() });
    let assessment = assess(snapshot, None);
    let all = of(&assessment, "ML1051");
    assert_eq!(all.len(), 1, "said once, not for each workload");
    assert_eq!((all[0].verdict, all[0].severity), (Verdict::Unknown, Severity::Info));
    assert!(all[0].detail.starts_with("1 workload refers"), "{}", all[0].detail);
}
