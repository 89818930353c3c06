//! ML2001 to ML2012: who selects what, and what a restart would give.

use meshlift_model::finding::{Severity, Verdict};
use meshlift_model::intent::{Intent, MoveBy};
use meshlift_model::k8s::{Deployment, MatchCondition, Namespace};
use meshlift_model::snapshot::Snapshot;

use crate::common::{
    appears, assess, cluster, found_at, mesh, object, of, pods, stays_away, subjects, unchanged, vanishes,
    version,
};

fn label(snapshot: &mut Snapshot, namespace: &str, key: &str, value: Option<&str>) {
    let labels = &mut object::<Namespace>(snapshot, namespace).metadata.labels;
    match value {
        Some(value) => labels.insert(key.to_owned(), value.to_owned()),
        None => labels.remove(key),
    };
}

fn template_label(snapshot: &mut Snapshot, path: &str, key: &str, value: &str) {
    let template = &mut object::<Deployment>(snapshot, path).spec.template;
    template.metadata.labels.insert(key.to_owned(), value.to_owned());
}

#[test]
fn two_selectors_are_told_apart_from_one() {
    vanishes("ML2001", "before", "Namespace/search", |s| label(s, "search", "istio.io/rev", None));
    appears("ML2001", "before", "Namespace/web", |s| label(s, "web", "istio-injection", Some("disabled")));
}

#[test]
fn a_name_that_nothing_serves_blocks_where_sidecars_would_be_lost() {
    let web = "Namespace/web";
    appears("ML2002", "before", web, |s| label(s, "web", "istio.io/rev", Some("prod-canery")));
    vanishes("ML2002", "after-broken", web, |s| label(s, "web", "istio.io/rev", Some("prod-stable")));
    stays_away("ML2003", "after-broken", web, |_| {});
    // It is said once, where the name stands, and not for each workload behind it.
    assert!(subjects(&unchanged("after-broken"), "ML2007").is_empty());
    // A pod template that names it has no namespace to relabel.
    let edi = changed("before", |s| template_label(s, "partner/edi", "istio.io/rev", "nobody"));
    let edi = assess(edi, None);
    let finding = of(&edi, "ML2002")[0];
    assert_eq!(finding.subject.to_string(), "Deployment/partner/edi");
    assert_eq!(finding.offers, ["hold-namespace"]);
}

#[test]
fn a_name_that_nothing_serves_needs_no_choice_where_nothing_was_injected() {
    let before = assess(cluster("before"), None);
    let legacy = of(&before, "ML2003")[0];
    assert_eq!(legacy.offers, ["leave-uninjected", "relabel-namespace", "hold-namespace"]);
    assert_eq!(legacy.severity, Severity::Warn);
    assert!(!legacy.needs_choice());
    vanishes("ML2003", "before", "Namespace/legacy", |s| label(s, "legacy", "istio.io/rev", None));
}

#[test]
fn a_bare_pin_needs_a_choice_only_where_tags_move() {
    vanishes("ML2004", "before", "Namespace/identity", |s| {
        label(s, "identity", "istio.io/rev", Some("prod-stable"));
    });
    stays_away("ML2004", "before", "Namespace/web", |_| {});
    // Half-way through, a namespace is pinned to where it goes.
    assert!(found_at("ML2004", "before", "1.29.6", |_| {}).is_empty());
    let mut intent = Intent::default();
    let pinned = |intent: &Intent| {
        let assessment = meshlift_checks::assess(&mesh(cluster("before")), intent, None);
        of(&assessment, "ML2004")[0].clone()
    };
    assert!(!pinned(&intent).needs_choice());
    intent.moves.insert("identity".into(), MoveBy::Tag);
    assert_eq!(pinned(&intent).offers, ["relabel-namespace", "hold-namespace"]);
    assert!(pinned(&intent).needs_choice());
}

#[test]
fn pod_templates_that_select_are_told_of() {
    let edi = "Deployment/partner/edi";
    vanishes("ML2005", "before", edi, |s| label(s, "partner", "istio.io/rev", Some("prod-stable")));
    let bound = assess(
        changed("before", |s| template_label(s, "partner/edi", "istio.io/rev", "1-29-6")),
        Some(&version("1.30.3")),
    );
    assert_eq!(of(&bound, "ML2005")[0].severity, Severity::Warn);
    // In a namespace that selects, the template has no say.
    appears("ML2012", "before", "Deployment/web/bff", |s| {
        template_label(s, "web/bff", "istio.io/rev", "prod-stable");
    });
    stays_away("ML2012", "before", edi, |_| {});
}

#[test]
fn ambient_without_agents_is_told_of() {
    vanishes("ML2006", "before", "Namespace/shop-ambient", |s| {
        label(s, "shop-ambient", "istio.io/dataplane-mode", Some("none"));
    });
    assert!(subjects(&unchanged("ambient-before"), "ML2006").is_empty());
    let open = |s: &mut Snapshot| {
        for pod in &mut s.objects.pods {
            if pod.metadata.namespace == "shop" {
                pod.metadata.annotations.remove("ambient.istio.io/redirection");
            }
        }
    };
    appears("ML2006", "ambient-before", "Namespace/shop", open);
}

#[test]
fn a_restart_that_changes_whether_there_is_a_sidecar_blocks() {
    let bff = "Deployment/web/bff";
    appears("ML2007", "before", bff, |s| label(s, "web", "istio.io/rev", None));
    appears("ML2007", "before", bff, |s| template_label(s, "web/bff", "sidecar.istio.io/inject", "false"));
    let bridge = "Deployment/legacy/billing-bridge";
    appears("ML2008", "before", bridge, |s| label(s, "legacy", "istio.io/rev", Some("prod-stable")));
    stays_away("ML2008", "before", bridge, |s| {
        label(s, "legacy", "istio.io/rev", Some("prod-stable"));
        template_label(s, "legacy/billing-bridge", "sidecar.istio.io/inject", "false");
    });
    // catalog/images says no by its template, in a namespace that injects.
    stays_away("ML2008", "before", "Deployment/catalog/images", |_| {});
}

#[test]
fn mixed_revisions_are_told_of() {
    assert!(subjects(&unchanged("before"), "ML2009").is_empty());
    assert!(subjects(&unchanged("half-moved"), "ML2009").contains("Namespace/data"));
}

#[test]
fn two_injectors_block() {
    let bff = "Deployment/web/bff";
    appears("ML2010", "before", bff, |s| {
        let stable = s.objects.mutating_webhooks.iter();
        let mut twin = stable
            .clone()
            .find(|webhook| webhook.metadata.label("istio.io/tag") == Some("prod-canary"))
            .unwrap()
            .clone();
        twin.metadata.name = "istio-revision-tag-twin".into();
        s.objects.mutating_webhooks.push(twin);
    });
}

#[test]
fn conditions_beyond_labels_are_unknown_not_ok() {
    let snapshot = changed("before", |s| {
        for webhook in s.objects.mutating_webhooks.iter_mut().flat_map(|all| &mut all.webhooks) {
            webhook.match_conditions =
                vec![MatchCondition { name: "not-on-sundays".into(), expression: "true".into() }];
        }
    });
    let assessment = assess(snapshot, None);
    let all = of(&assessment, "ML2011");
    assert!(all.iter().any(|finding| finding.subject.to_string() == "Namespace/web"));
    assert!(all.iter().all(|finding| finding.verdict == Verdict::Unknown));
    assert!(of(&assess(cluster("before"), None), "ML2011").is_empty());
}

#[test]
fn finished_pods_have_no_say() {
    stays_away("ML2008", "before", "Deployment/web/bff", |s| {
        let pod = pods(s, "web/bff").remove(0);
        pod.status.phase = "Succeeded".into();
        pod.metadata.annotations.clear();
    });
}

#[test]
fn a_word_that_istiod_does_not_understand_keeps_no_sidecar_away() {
    let label = |s: &mut Snapshot, word: &str| {
        let template = &mut object::<Deployment>(s, "web/bff").spec.template;
        template.metadata.labels.insert("sidecar.istio.io/inject".into(), word.into());
    };
    appears("ML2007", "before", "Deployment/web/bff", |s| label(s, "false"));
    // 1.29.6 takes `true` and `false` alone.
    stays_away("ML2007", "before", "Deployment/web/bff", |s| label(s, "no"));
    stays_away("ML2007", "before", "Deployment/web/bff", |s| label(s, "False"));
}

fn changed(recording: &str, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = cluster(recording);
    change(&mut snapshot);
    snapshot
}
