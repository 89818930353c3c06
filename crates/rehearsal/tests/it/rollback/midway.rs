//! Taken back in the middle: cures that are in place, and new pods that are never Ready.

use std::collections::BTreeSet;

use meshlift_driver::DriverPolicy;
use meshlift_model::effect::{Change, EffectId, Outcome};
use meshlift_model::intent::{Choice, ChoiceKind, Intent};
use meshlift_model::journal::{Command, Record, RunResult, StepEnd};
use meshlift_model::k8s::{HorizontalPodAutoscaler, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_rehearsal::{Cut, Fate, Fault, Moment, Rehearsal, Stage};
use meshlift_twin::faults::{FaultKind, Trigger};
use meshlift_twin::traffic::Corner;
use meshlift_twin::world::PORT;

use super::{Case, demo_intent, recorded};

const SEED: u64 = 0;

fn ordered(rehearsal: &Rehearsal<'_>, command: Command) -> DriverPolicy {
    DriverPolicy { commands: vec![command], ..rehearsal.policy() }
}

/// The kind of a cure's change; nothing for all other changes.
fn cure(change: &Change) -> Option<&'static str> {
    match change {
        Change::Replicas { .. } => Some("replicas"),
        Change::AutoscalerMin { .. } => Some("autoscaler"),
        Change::Partition { .. } => Some("partition"),
        Change::Strategy { .. } => Some("strategy"),
        Change::Quota { .. } => Some("quota"),
        _ => None,
    }
}

/// The run as it is when each cure has just been put in place: what was cured, and a stage to go on from.
fn cured(case: &Case) -> Vec<(String, Stage)> {
    let rehearsal = case.rehearsal(SEED, None);
    let (mut stages, mut told): (Vec<(String, Stage)>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let mut open: Option<(EffectId, String)> = None;
    let mut watch = |moment: &Moment<'_>| {
        match &moment.line.record {
            Record::Intent { effect, write, reverses: None, .. } => {
                if let Some(kind) = cure(&write.change).filter(|_| write.target.namespace != "istio-system") {
                    let name = format!("{kind} {}", write.target);
                    // The second such write takes the first one back.
                    open = told.insert(name.clone()).then_some((*effect, name)).or(open.take());
                }
            }
            Record::Outcome { effect, outcome: Outcome::Done { .. } } => {
                if let Some((_, name)) = open.take_if(|(cure, _)| cure == effect) {
                    stages.push((name, moment.died(Cut::Whole)));
                }
            }
            _ => {}
        }
        Fate::GoOn
    };
    let mut stage = rehearsal.stage(Corner::BEST);
    stage.drive_watched(&rehearsal.policy(), &mut |_| {}, &mut watch).unwrap();
    stages
}

/// Rollback right there, and abort followed by rollback, both bring everything back.
fn cures_come_back(case: &Case, expected: &[&str]) {
    let rehearsal = case.rehearsal(SEED, None);
    let stages = cured(case);
    let names: Vec<&str> = stages.iter().map(|(name, _)| name.as_str()).collect();
    for name in expected {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    for (name, stage) in stages.into_iter().filter(|(name, _)| expected.contains(&name.as_str())) {
        let comes_back = |mut stage: Stage, how: &str| {
            let result = stage.drive(&ordered(&rehearsal, Command::Rollback), &mut |_| {}).unwrap();
            let ended = rehearsal.judge(&stage, result, Corner::BEST).unwrap();
            assert_eq!(ended.result, RunResult::RolledBack, "{how} {name}: {:?}", ended.run.ended());
            assert_eq!(ended.violations, [], "{how} {name}");
        };
        comes_back(stage.clone(), "rollback at");
        let mut aborted = stage;
        let result = aborted.drive(&ordered(&rehearsal, Command::Abort), &mut |_| {}).unwrap();
        assert_eq!(result, RunResult::Waiting, "abort at {name}");
        let run = aborted.run().unwrap();
        let undone = case.plan.steps.iter().filter_map(|step| run.step_end(&step.id));
        let is_undone = |end: &StepEnd| matches!(end, StepEnd::Undone { .. });
        assert_eq!(undone.filter(|end| is_undone(end)).count(), 1, "abort at {name}: {:?}", run.ended());
        comes_back(aborted, "rollback after abort at");
    }
}

#[test]
fn replicas_partition_and_quota_are_taken_back_right_after_they_were_changed() {
    let case = Case::of("before", &demo_intent());
    let expected = [
        "replicas StatefulSet/checkout/cart-redis",
        "replicas Deployment/team-08/jobs-1",
        "quota ResourceQuota/quota-tight/pods",
        "partition StatefulSet/data/pg",
    ];
    cures_come_back(&case, &expected);
}

fn choose(intent: &mut Intent, subject: &str, choose: ChoiceKind) {
    let subject: ObjectRef = subject.parse().unwrap();
    let mut choices = intent.choices.iter_mut();
    let choice: &mut Choice = choices.find(|choice| choice.subject == subject).unwrap();
    choice.choose = choose;
}

#[test]
fn rollout_limits_and_an_autoscalers_least_are_taken_back_right_after_they_were_changed() {
    let mut intent = demo_intent();
    choose(&mut intent, "Deployment/quota-tight/ads", ChoiceKind::AllowUnavailable(1));
    let mut snapshot = recorded("before");
    let mut autoscaler = HorizontalPodAutoscaler::default();
    autoscaler.metadata.name = "indexer".into();
    autoscaler.metadata.namespace = "search".into();
    autoscaler.metadata.uid = "autoscaler-of-the-indexer".into();
    autoscaler.spec.scale_target_ref.kind = "Deployment".into();
    autoscaler.spec.scale_target_ref.name = "indexer".into();
    autoscaler.spec.min_replicas = Some(1);
    autoscaler.spec.max_replicas = 3;
    snapshot.objects.autoscalers.push(autoscaler);
    snapshot.objects.sort();
    let case = Case::on(snapshot, &intent);
    let expected =
        ["strategy Deployment/quota-tight/ads", "autoscaler HorizontalPodAutoscaler/search/indexer"];
    cures_come_back(&case, &expected);
}

/// The first new pod of the workload is never Ready: its step is taken back by itself, then everything by a
/// person's word. Returns the pods that were deleted one by one.
fn never_ready(subject: &str) -> Vec<String> {
    let mut case = Case::of("before", &demo_intent());
    let victim: ObjectRef = subject.parse().unwrap();
    let trigger = Trigger::NewPod { number: 1, millis: 0 };
    case.faults = vec![Fault { kind: FaultKind::NeverReadyPod, victim: victim.clone(), trigger }];
    let rehearsal = case.rehearsal(SEED, None);
    let mut stage = rehearsal.stage(Corner::BEST);
    let result = rehearsal.drive(&mut stage, &mut |_| {}).unwrap();
    let run = stage.run().unwrap();
    let reason = run.ended().unwrap().1.to_owned();
    assert_eq!(result, RunResult::Waiting, "{subject}: {reason}");
    assert!(reason.contains(victim.name.as_str()) && reason.contains("not Ready"), "{subject}: {reason}");
    let undone: Vec<&str> =
        case.steps().filter(|step| matches!(run.step_end(step), Some(StepEnd::Undone { .. }))).collect();
    assert!(!undone.is_empty(), "{subject}: {reason}");
    let ended = rehearsal.judge(&stage, result, Corner::BEST).unwrap();
    assert_eq!(ended.violations, [], "{subject}: its step was taken back");
    let workload = &ended.mesh.workloads[&victim];
    assert!(workload.on_restart.revision.as_ref().is_some_and(|revision| revision.as_str() == "1-29-6"));
    let result = stage.drive(&ordered(&rehearsal, Command::Rollback), &mut |_| {}).unwrap();
    let ended = rehearsal.judge(&stage, result, Corner::BEST).unwrap();
    assert_eq!(ended.result, RunResult::RolledBack, "{subject}: {:?}", ended.run.ended());
    assert_eq!(ended.violations, [], "{subject}");
    deleted_pods(&stage)
}

/// Pods that meshlift deleted or evicted, in order.
fn deleted_pods(stage: &Stage) -> Vec<String> {
    let world = stage.world();
    let changes = world.twin().cluster.store.changes().iter().filter(|change| change.by == PORT);
    let leaving = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    changes
        .filter(|change| {
            change.of::<Pod>().is_some_and(leaving) && !change.before::<Pod>().is_some_and(leaving)
        })
        .filter_map(|change| change.of::<Pod>().map(|pod| pod.object_ref().short()))
        .collect()
}

#[test]
fn a_stateful_set_is_rolled_back_past_a_pod_that_was_never_ready() {
    let of_ledger: Vec<String> = never_ready("StatefulSet/payments/ledger")
        .into_iter()
        .filter(|pod| pod.starts_with("payments/ledger"))
        .collect();
    assert_eq!(
        of_ledger,
        ["payments/ledger-2"],
        "its template goes back first, then that one pod is deleted"
    );
    never_ready("StatefulSet/checkout/cart-redis");
    never_ready("StatefulSet/data/pg");
}

#[test]
fn what_is_deleted_pod_by_pod_comes_back_from_a_pod_that_was_never_ready() {
    for subject in ["StatefulSet/data/kafka", "DaemonSet/data/log-agent", "Pod/batch/debug-shell"] {
        never_ready(subject);
    }
}

#[test]
fn deployments_come_back_also_where_a_tag_or_a_gateway_binds_them() {
    for subject in [
        "Deployment/web/storefront",
        "Deployment/partner/edi",
        "Deployment/istio-ingress/istio-ingressgateway",
    ] {
        never_ready(subject);
    }
}
