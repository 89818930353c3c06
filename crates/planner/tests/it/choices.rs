//! What choices do to a plan.

use meshlift_model::action::{Cure, MoveHow};
use meshlift_model::k8s::{HorizontalPodAutoscaler, IntOrString, Resource};
use meshlift_model::plan::Stage;
use meshlift_planner::Fate;

use crate::common::*;

#[test]
fn a_choice_that_fits_no_hazard_is_only_noted() {
    let (plan, report) = planned("before", &choosing(&[("Deployment/web/bff", "accept-loss")]));
    assert_eq!(report.notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["ML8301"]);
    assert_eq!(waiting(&plan), waiting(&planned("before", &none()).0));
}

#[test]
fn one_choice_frees_its_namespace_and_no_other() {
    let (plan, _) = planned("before", &choosing(&[("Deployment/team-08/jobs-1", "scale-up-first")]));
    let jobs = move_of(&plan, "Deployment/team-08/jobs-1");
    assert_eq!(jobs.cures, [Cure::ScaleUp { from: 1, to: 2, autoscaler: None }]);
    assert_eq!((jobs.ready_min, jobs.replicas), (1, 1));
    assert_eq!(moves(&plan).len(), 47 + 2);
}

#[test]
fn an_autoscaler_is_raised_instead_of_the_count() {
    let mesh = changed("before", |snapshot| {
        let autoscalers = &mut snapshot.objects.autoscalers;
        let mut one: HorizontalPodAutoscaler = autoscalers[0].clone();
        one.metadata.name = "jobs".to_owned();
        one.metadata.namespace = "team-08".into();
        one.spec.scale_target_ref.name = "jobs-1".to_owned();
        (one.spec.min_replicas, one.spec.max_replicas) = (Some(1), 3);
        autoscalers.push(one);
    });
    let intent = choosing(&[("Deployment/team-08/jobs-1", "scale-up-first")]);
    let (plan, _) = plan_of(&mesh, &intent).unwrap();
    let autoscaler = Some((object("HorizontalPodAutoscaler/team-08/jobs"), 1));
    let jobs = move_of(&plan, "Deployment/team-08/jobs-1");
    assert_eq!(jobs.cures, [Cure::ScaleUp { from: 1, to: 2, autoscaler }]);
    let refused = changed("before", |snapshot| {
        let mut one = snapshot.objects.autoscalers[0].clone();
        one.metadata.namespace = "team-08".into();
        one.spec.scale_target_ref.name = "jobs-1".to_owned();
        one.spec.max_replicas = 1;
        snapshot.objects.autoscalers.push(one);
    });
    assert_eq!(plan_of(&refused, &intent).unwrap_err().code(), "ML8015");
}

#[test]
fn allowed_unavailability_makes_room_under_a_quota() {
    let (plan, _) = planned("before", &choosing(&[("Deployment/quota-tight/ads", "allow-unavailable 1")]));
    let ads = move_of(&plan, "Deployment/quota-tight/ads");
    let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(ads.cures, [Cure::SetStrategy { from: text("0", "1"), to: text("1", "0") }]);
    assert_eq!((ads.ready_min, ads.replicas), (2, 3));
}

#[test]
fn below_a_budget_no_more_go_than_allowed() {
    let mesh = changed("before", |snapshot| {
        let worker = snapshot.objects.deployments.iter_mut();
        let mut worker = worker.filter(|one| one.object_ref() == object("Deployment/payments/worker"));
        let limits = worker.next().unwrap().spec.strategy.rolling_update.as_mut().unwrap();
        limits.max_unavailable = Some(IntOrString::Int(2));
        let budgets = &mut snapshot.objects.disruption_budgets;
        let mut budget = budgets.iter().find(|one| one.metadata.name == "fraud").unwrap().clone();
        budget.metadata.name = "worker".to_owned();
        budget.spec.min_available = Some(IntOrString::Int(3));
        budget.spec.selector.as_mut().unwrap().match_labels.insert("app".to_owned(), "worker".to_owned());
        budgets.push(budget);
    });
    let intent = choosing(&[
        ("Deployment/payments/worker", "allow-unavailable 1"),
        ("Deployment/payments/reports", "accept-loss"),
        ("StatefulSet/payments/ledger", "allow-unavailable 1"),
    ]);
    let (plan, _) = plan_of(&mesh, &intent).unwrap();
    let worker = move_of(&plan, "Deployment/payments/worker");
    assert!(matches!(worker.cures.as_slice(), [Cure::SetStrategy { to, .. }] if to.0 == "1"), "{worker:?}");
    assert_eq!(worker.ready_min, 2);
    assert!(move_of(&plan, "StatefulSet/payments/ledger").cures.is_empty(), "one at a time is its own rule");
}

#[test]
fn a_set_keeps_what_its_own_limit_leaves() {
    let mesh = changed("before", |snapshot| {
        let sets = snapshot.objects.stateful_sets.iter_mut();
        let pg = sets.filter(|one| one.object_ref() == object("StatefulSet/data/pg"));
        let limits = pg.filter_map(|one| one.spec.update_strategy.rolling_update.as_mut());
        limits.for_each(|limits| limits.max_unavailable = Some(IntOrString::Int(2)));
    });
    let mut intent = demo();
    intent.choices.extend(choosing(&[("StatefulSet/data/pg", "allow-unavailable 2")]).choices);
    let (plan, _) = plan_of(&mesh, &intent).unwrap();
    let pg = move_of(&plan, "StatefulSet/data/pg");
    assert_eq!((pg.cures.len(), pg.ready_min, pg.replicas), (1, 1, 3), "beside the partition");
}

#[test]
fn sets_that_no_restart_reaches_are_reached() {
    let (plan, _) = planned("before", &demo());
    assert_eq!(move_of(&plan, "StatefulSet/data/kafka").how, MoveHow::DeletePods);
    assert_eq!(move_of(&plan, "DaemonSet/data/log-agent").ready_min, 7);
    assert_eq!(move_of(&plan, "Pod/batch/debug-shell").how, MoveHow::RecreatePod);
    let pg = move_of(&plan, "StatefulSet/data/pg");
    assert_eq!(
        (pg.how, pg.cures.as_slice()),
        (MoveHow::Rollout, &[Cure::SetPartition { from: 1, to: 0 }][..])
    );
}

#[test]
fn a_held_namespace_keeps_its_tag_and_the_old_revision() {
    let mut intent = demo();
    intent.choices.extend(choosing(&[("Namespace/team-01", "hold-namespace")]).choices);
    let (plan, report) = planned("before", &intent);
    assert_eq!(
        waiting(&plan),
        ["Namespace/team-01", "RevisionTag/prod-stable", "RevisionTag/prod-stable", "Revision/1-29-6"]
    );
    assert!(moves(&plan).iter().all(|(_, _, one)| one.workload.namespace != "team-01"));
    let stages: Vec<Stage> = plan.steps.iter().map(|step| step.stage).collect();
    assert!(!stages.contains(&Stage::Observe) && ids(&plan).contains(&"tag-default"));
    assert!(
        matches!(&report.workloads[&object("Deployment/team-01/web-2")], Fate::Held { why } if why.contains("a test"))
    );
    assert!(matches!(&report.workloads[&object("Deployment/partner/edi")], Fate::Held { .. }));
}

#[test]
fn failing_over_waits_for_a_person_and_moves_then() {
    let mut intent = demo();
    intent.choices.retain(|choice| choice.subject != object("Deployment/checkout/tax"));
    intent.choices.extend(choosing(&[("Deployment/checkout/tax", "failover-elsewhere")]).choices);
    let (plan, _) = planned("before", &intent);
    let (own, _, _) = *moves(&plan).iter().find(|(_, _, one)| one.workload.name == "tax").unwrap();
    assert!(own.person.as_ref().is_some_and(|person| !person.approval));
    assert!(
        moves(&plan).iter().all(|(step, _, one)| step.id != own.id || one.workload.namespace == "checkout")
    );
    assert!(step(&plan, "tag-prod-stable").needs.contains(&own.id));
    assert!(!step(&plan, "gateway-istio-ingress-istio-ingressgateway").needs.contains(&own.id));
}

#[test]
fn the_order_of_the_intent_counts() {
    let mut intent = demo();
    intent.order.canary = vec!["web".to_owned()];
    intent.order.first = vec!["team-10".to_owned()];
    intent.order.last = vec!["team-02".to_owned(), "catalog".to_owned()];
    let (plan, _) = planned("before", &intent);
    assert_eq!(step(&plan, "wave-1").title, "wave 1 canary: web");
    assert!(step(&plan, "wave-2").title.contains("team-10"));
    let waves: Vec<&str> =
        plan.steps.iter().filter(|step| step.stage == Stage::Wave).map(|step| step.title.as_str()).collect();
    assert!(
        waves[waves.len() - 2].ends_with("team-02") && waves[waves.len() - 1].ends_with("catalog"),
        "{waves:?}"
    );
}

#[test]
fn limits_of_the_intent_count() {
    let mut intent = demo();
    intent.limits.wave_pods_max = Some(12);
    intent.limits.bake_seconds_wave = Some(7);
    let (plan, _) = planned("before", &intent);
    for wave in plan.steps.iter().filter(|step| step.stage == Stage::Wave) {
        let mut namespaces: Vec<_> = moves(&plan)
            .iter()
            .filter(|(step, _, _)| step.id == wave.id)
            .map(|(_, _, one)| one.workload.namespace.clone())
            .collect();
        namespaces.dedup();
        assert!(wave.pods <= 12 || namespaces.len() == 1, "{}: {} pods", wave.id, wave.pods);
    }
    assert_eq!(step(&plan, "wave-2").bake_seconds, 7);
}
