//! A plan with every kind of action.

use meshlift_model::action::*;
use meshlift_model::intent::Intent;
use meshlift_model::journal::{JournalLine, Record};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plan::*;
use meshlift_model::time::Time;

pub(crate) const OLD: &str = "1-29-6";
pub(crate) const NEW: &str = "1-30-3";

pub(crate) fn at(seconds: i64) -> Time {
    Time::from_millis(1_800_000_000_000).plus_seconds(seconds)
}

pub(crate) fn line(sequence: u64, record: Record) -> JournalLine {
    JournalLine { sequence, at: at(i64::try_from(sequence).unwrap()), record }
}

pub(crate) fn started(plan: Plan) -> JournalLine {
    line(0, Record::Started { format_version: 1, run: "r".into(), plan: Box::new(plan) })
}

fn step(id: &str, stage: Stage, needs: &[&str], actions: Vec<(u32, ActionKind)>, gates: Vec<Gate>) -> Step {
    let action = |(phase, kind)| Action { phase, kind, preconditions: vec![] };
    Step {
        id: id.into(),
        stage,
        layer: Layer::Sidecars,
        title: id.into(),
        reason: "test".into(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        person: None,
        actions: actions.into_iter().map(action).collect(),
        gates,
        bake_seconds: 0,
        approve_after: false,
        undo: StepUndo::Inverse { how: "in reverse".into() },
        undo_seconds: 0,
        expected_seconds: 0,
        pods: 0,
        surge_pods: 0,
        floors: vec![],
        may_move: vec![],
        announces: vec![],
    }
}

fn moving(workload: &str, how: MoveHow, cures: Vec<Cure>) -> ActionKind {
    ActionKind::Move(Move {
        workload: workload.parse().unwrap(),
        revision: NEW.into(),
        how,
        cures,
        replicas: 2,
        ready_min: 1,
        seconds_max: 300,
        pod_ready_seconds_max: 60,
    })
}

fn selector(rev: &str) -> Selector {
    Selector { injection: None, rev: Some(rev.into()) }
}

/// A wave of all kinds of moves, with cures.
fn wave(new: &RevisionName) -> Step {
    let quota = Cure::RaiseQuota {
        quota: "ResourceQuota/web/pods".parse().unwrap(),
        resource: "pods".into(),
        from: "3".into(),
        to: "4".into(),
    };
    let actions = vec![
        (
            0,
            ActionKind::SelectRevision { namespace: "web".into(), from: selector("prod"), to: selector(NEW) },
        ),
        (
            1,
            ActionKind::ProveInjection {
                namespace: "web".into(),
                revision: new.clone(),
                workloads: vec!["Deployment/web/bff".parse().unwrap()],
                settle_seconds: 10,
                proofs: 2,
            },
        ),
        (2, moving("Deployment/web/bff", MoveHow::Rollout, vec![quota])),
        (
            2,
            moving(
                "Deployment/web/shop",
                MoveHow::AwaitRollout,
                vec![Cure::ScaleUp { from: 2, to: 3, autoscaler: None }],
            ),
        ),
        (
            2,
            moving("StatefulSet/web/kafka", MoveHow::DeletePods, vec![Cure::SetPartition { from: 1, to: 0 }]),
        ),
        (3, moving("Pod/web/shell", MoveHow::RecreatePod, vec![])),
    ];
    let gates = vec![
        Gate::PodsOnRevision {
            revision: new.clone(),
            workloads: vec!["Deployment/web/bff".parse().unwrap()],
        },
        Gate::NoNewFindings,
        Gate::Injects { namespace: "web".into(), revision: Some(new.clone()) },
    ];
    step("wave", Stage::Wave, &["istiod"], actions, gates)
}

/// A wave of all kinds of moves, between the other kinds of steps.
pub(crate) fn plan() -> Plan {
    let (old, new) = (RevisionName::from(OLD), RevisionName::from(NEW));
    let tag = TagName::from("prod");
    let istiod = ObjectRef::new("Deployment", "istio-system", "istiod-1-29-6");
    let crds = ActionKind::ApplyCrds { manifest_digest: "m".into(), names: vec![] };
    let install = ActionKind::InstallRevision {
        manifest_digest: "m".into(),
        revision: new.clone(),
        replicas_min: 2,
        creates: vec!["Service/istio-system/istiod-1-30-3".parse().unwrap()],
    };
    let wave = wave(&new);
    let remove = vec![
        (0, ActionKind::RemoveTag { tag: tag.clone(), from: new.clone() }),
        (1, ActionKind::RemoveRevision { revision: old.clone(), objects: vec![istiod.clone()] }),
    ];
    let forward = StepUndo::ForwardOnly { why: "CRDs stay".into() };
    let healthy = vec![Gate::RevisionHealthy { revision: new.clone(), ready_min: 1 }, Gate::NothingMoved];
    let set = ActionKind::SetTag { tag, from: Some(old.clone()), to: new.clone() };
    let dark = ActionKind::Scale { workload: istiod, from: 2, to: 0 };
    let consumers =
        vec![Gate::NoConsumers { revision: old.clone() }, Gate::NoFollowers { tag: "prod".into() }];
    plan_of(vec![
        Step { undo: forward, ..step("crds", Stage::Crds, &[], vec![(0, crds)], vec![]) },
        step("istiod", Stage::ControlPlane, &["crds"], vec![(0, install)], healthy),
        Step { bake_seconds: 600, approve_after: true, ..wave },
        step("tag", Stage::Tag, &["wave"], vec![(0, set)], vec![]),
        step("dark", Stage::Dark, &["tag"], vec![(0, dark)], vec![]),
        step("cleanup", Stage::Cleanup, &["dark"], remove, consumers),
    ])
}

fn plan_of(steps: Vec<Step>) -> Plan {
    Plan {
        format_version: 1,
        digest: "d".into(),
        forward_only: vec![],
        from: vec!["1.29.6".parse().unwrap()],
        target: "1.30.3".parse().unwrap(),
        old_revisions: vec![OLD.into()],
        revision: NEW.into(),
        traffic: "not observed".into(),
        waiting: vec![],
        untouched: vec![],
        intent: Intent::default(),
        intent_digest: "i".into(),
        snapshot_digest: "s".into(),
        snapshot_time: None,
        manifest_digest: None,
        steps,
    }
}
