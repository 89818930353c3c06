//! Which choices are offered, and which the mesh refuses.

use meshlift_checks::{offered, refused_because};
use meshlift_mesh::Mesh;
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::{
    Deployment, HorizontalPodAutoscaler, IntOrString, PersistentVolumeClaim, PersistentVolumeClaimSource,
    PodSpec, RollingUpdate, StatefulSet, Volume, VolumeClaimTemplate,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

use crate::common::{assess, cluster, mesh, object, of, pods, version};

/// interface.md's table: code, and the words that it offers besides `hold-namespace`.
const OFFERS: &[(&str, &str)] = &[
    ("ML1001", "scale-up-first accept-loss failover-elsewhere"),
    ("ML1002", "accept-loss failover-elsewhere"),
    ("ML1003", "accept-loss failover-elsewhere"),
    ("ML1010", "raise-quota allow-unavailable"),
    ("ML1020", "allow-unavailable"),
    ("ML1030", "delete-pods"),
    ("ML1031", "set-partition"),
    ("ML1032", "delete-bare-pod"),
    ("ML2003", "leave-uninjected relabel-namespace"),
    ("ML3001", "accept-loss failover-elsewhere"),
    ("ML4001", "accept-change"),
];

#[test]
fn each_hazard_offers_what_the_interface_says() {
    let assessment = assess(cluster("before"), Some(&version("1.30.3")));
    for (code, words) in OFFERS {
        let expected: Vec<&str> = words.split(' ').chain(["hold-namespace"]).collect();
        let all = of(&assessment, code);
        assert!(!all.is_empty(), "{code}");
        for finding in all {
            assert_eq!(finding.offers, expected, "{code}");
            for word in ChoiceKind::WORDS {
                let argument = match word {
                    "allow-unavailable" | "raise-quota" => " 1",
                    "set-partition" => " 0",
                    "relabel-namespace" | "accept-unknown" => " x",
                    _ => "",
                };
                let choice: ChoiceKind = format!("{word}{argument}").parse().unwrap();
                assert_eq!(offered(finding, &choice), expected.contains(&word), "{code} {word}");
            }
        }
    }
    let needs: Vec<_> = assessment.findings.iter().filter(|finding| finding.needs_choice()).collect();
    assert!(needs.iter().all(|finding| OFFERS.iter().any(|(code, _)| *code == finding.code)), "{needs:?}");
}

fn refused(subject: &str, choice: &ChoiceKind, change: impl FnOnce(&mut Snapshot)) -> Option<String> {
    let mut snapshot = cluster("before");
    change(&mut snapshot);
    let mesh: Mesh = mesh(snapshot);
    let subject: ObjectRef = subject.parse().unwrap();
    refused_because(&mesh, &subject, choice)
}

#[test]
fn a_second_replica_is_refused_where_it_cannot_be() {
    let (indexer, up) = ("Deployment/search/indexer", ChoiceKind::ScaleUpFirst);
    assert_eq!(refused(indexer, &up, |_| {}), None);
    let claim = |mode: &'static str, read: bool| {
        move |s: &mut Snapshot| {
            let source = PersistentVolumeClaimSource { claim_name: "index".into() };
            let volume = Volume { persistent_volume_claim: Some(source), ..Volume::default() };
            object::<Deployment>(s, "search/indexer").spec.template.spec.volumes.push(volume);
            let mut claim = PersistentVolumeClaim::default();
            claim.metadata.namespace = "search".into();
            claim.metadata.name = "index".into();
            claim.spec.access_modes = vec![mode.into()];
            if read {
                s.objects.volume_claims.push(claim);
            }
        }
    };
    assert!(refused(indexer, &up, claim("ReadWriteOnce", true)).unwrap().contains("ReadWriteOnce"));
    assert!(refused(indexer, &up, claim("ReadWriteOncePod", true)).is_some());
    assert_eq!(refused(indexer, &up, claim("ReadWriteMany", true)), None);
    assert!(refused(indexer, &up, claim("ReadWriteMany", false)).unwrap().contains("not read"));
    let scaled = |most| {
        move |s: &mut Snapshot| {
            let mut scaler: HorizontalPodAutoscaler = s.objects.autoscalers[0].clone();
            scaler.metadata.namespace = "search".into();
            scaler.spec.scale_target_ref.name = "indexer".into();
            (scaler.spec.min_replicas, scaler.spec.max_replicas) = (Some(1), most);
            s.objects.autoscalers.push(scaler);
        }
    };
    assert!(refused(indexer, &up, scaled(1)).unwrap().contains("one replica"));
    assert_eq!(refused(indexer, &up, scaled(2)), None);
    assert!(refused("Pod/batch/debug-shell", &up, |_| {}).is_some());
}

#[test]
fn a_stateful_set_with_its_own_volumes_is_not_scaled() {
    let (redis, up) = ("StatefulSet/checkout/cart-redis", ChoiceKind::ScaleUpFirst);
    assert_eq!(refused(redis, &up, |_| {}), None);
    let reason = refused(redis, &up, |s| {
        let mut template = VolumeClaimTemplate::default();
        template.metadata.name = "data".into();
        template.spec.access_modes = vec!["ReadWriteOnce".into()];
        object::<StatefulSet>(s, "checkout/cart-redis").spec.volume_claim_templates.push(template);
    });
    assert!(reason.unwrap().contains("volume data"));
}

#[test]
fn a_stateful_set_that_may_miss_several_is_not_cured_by_less() {
    let missing = |path: &'static str, written: &'static str| {
        move |s: &mut Snapshot| {
            let written = Some(IntOrString::String(written.into()));
            let limits = RollingUpdate { max_unavailable: written, ..RollingUpdate::default() };
            object::<StatefulSet>(s, path).spec.update_strategy.rolling_update = Some(limits);
        }
    };
    let (redis, up) = ("StatefulSet/checkout/cart-redis", ChoiceKind::ScaleUpFirst);
    assert_eq!(refused(redis, &up, missing("checkout/cart-redis", "50%")), None);
    assert!(refused(redis, &up, missing("checkout/cart-redis", "100%")).unwrap().contains("all 2 pods"));
    let (ledger, one) = ("StatefulSet/payments/ledger", ChoiceKind::AllowUnavailable(1));
    assert_eq!(refused(ledger, &one, missing("payments/ledger", "50%")), None);
    assert!(refused(ledger, &one, missing("payments/ledger", "70%")).unwrap().contains("2 at once"));
}

#[test]
fn replicas_that_somebody_else_owns_are_not_scaled() {
    let mut mesh = mesh(cluster("before"));
    let subject: ObjectRef = "Deployment/search/indexer".parse().unwrap();
    mesh.workloads.get_mut(&subject).unwrap().managed_by = Some("Argo CD application shop".into());
    assert!(refused_because(&mesh, &subject, &ChoiceKind::ScaleUpFirst).unwrap().contains("Argo CD"));
}

#[test]
fn no_more_can_be_missing_than_there_are() {
    let ads = "Deployment/quota-tight/ads";
    assert_eq!(refused(ads, &ChoiceKind::AllowUnavailable(3), |_| {}), None);
    assert!(refused(ads, &ChoiceKind::AllowUnavailable(4), |_| {}).is_some());
}

#[test]
fn nobody_is_told_to_give_a_pod_away_that_no_node_would_take_again() {
    let told = |change: fn(&mut PodSpec)| {
        let mut snapshot = cluster("before");
        let bff = &mut object::<Deployment>(&mut snapshot, "web/bff").spec;
        let (max_unavailable, max_surge) = (Some(IntOrString::Int(0)), Some(IntOrString::Int(1)));
        bff.strategy.rolling_update =
            Some(RollingUpdate { max_unavailable, max_surge, ..Default::default() });
        change(&mut bff.template.spec);
        pods(&mut snapshot, "web/bff").into_iter().for_each(|pod| change(&mut pod.spec));
        let assessment = assess(snapshot, Some(&version("1.30.3")));
        let all = of(&assessment, "ML1013");
        let [finding] = &all[..] else { panic!("{all:?}") };
        (finding.detail.clone(), finding.offers.clone())
    };
    let (detail, offers) = told(|spec| drop(spec.node_selector.insert("pool".into(), "gone".into())));
    assert!(detail.starts_with("no node has the labels"), "{detail}");
    assert_eq!(offers, ["hold-namespace"]);
    let (detail, offers) = told(|spec| {
        spec.containers
            .iter_mut()
            .for_each(|one| drop(one.resources.requests.insert("cpu".into(), "99".into())));
    });
    assert!(detail.contains("has that left"), "{detail}");
    assert_eq!(offers, ["allow-unavailable", "hold-namespace"]);
}
