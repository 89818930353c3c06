//! A small upgrade: a world with one mesh, and the plan that moves it.

use meshlift_model::action::*;
use meshlift_model::effect::FindingView;
use meshlift_model::finding::Severity;
use meshlift_model::intent::{Intent, Limits};
use meshlift_model::k8s::{Resource, Service};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plan::*;
use meshlift_model::time::Time;

use crate::workload::{OLD, TARGET, Workload};
use crate::world::{World, namespace, target};

pub(crate) fn start() -> Time {
    Time::parse("2026-11-23T20:00:00Z").unwrap()
}

/// Namespaces web and data follow tag prod, which points at the old revision.
pub(crate) fn world() -> World {
    let mut world = World::new(start());
    world.tags.insert("prod".into(), OLD.into());
    world.objects.extend([namespace("web", "prod"), namespace("data", "prod")]);
    let mut service = Service::default();
    service.metadata.name = format!("istiod-{OLD}");
    service.metadata.namespace = "istio-system".into();
    world.objects.insert(service.object_ref(), service.into_object());
    for (name, replicas) in [("web/bff", 3), ("web/shop", 2), ("web/cart", 1)] {
        add(&mut world, "Deployment", name, replicas, Some(OLD));
    }
    add(&mut world, "StatefulSet", "data/pg", 3, Some(OLD));
    add(&mut world, "StatefulSet", "data/kafka", 3, Some(OLD)).on_delete = true;
    add(&mut world, "Deployment", &format!("istio-system/istiod-{OLD}"), 2, None);
    world.findings.push(FindingView {
        key: "ML1 old".into(),
        severity: Severity::Warn,
        detail: "old".into(),
    });
    world
}

pub(crate) fn add<'a>(
    world: &'a mut World,
    kind: &str,
    name: &str,
    replicas: i32,
    revision: Option<&str>,
) -> &'a mut Workload {
    let (namespace, name) = name.split_once('/').unwrap();
    let me = ObjectRef::new(kind, namespace, name);
    let one = Workload::new(me.clone(), replicas, revision, world.now);
    world.workloads.entry(me).or_insert(one)
}

pub(crate) fn step(id: &str, stage: Stage, needs: &[&str], actions: Vec<Action>, gates: Vec<Gate>) -> Step {
    Step {
        id: id.into(),
        stage,
        layer: Layer::Sidecars,
        title: id.into(),
        reason: "test".into(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        person: None,
        actions,
        gates,
        bake_seconds: 0,
        approve_after: false,
        undo: StepUndo::Inverse { how: "in reverse".into() },
        undo_seconds: 60,
        expected_seconds: 60,
        pods: 0,
        surge_pods: 0,
        floors: vec![],
        may_move: vec![],
        announces: vec![],
    }
}

pub(crate) fn action(phase: u32, kind: ActionKind) -> Action {
    Action { phase, kind, preconditions: vec![] }
}

pub(crate) fn rev(name: &str) -> Selector {
    Selector { injection: None, rev: Some(name.into()) }
}

fn select(phase: u32, namespace: &str, from: &str, to: &str) -> Action {
    let (from, to) = (rev(from), rev(to));
    let preconditions =
        vec![Precondition::SelectorIs { namespace: namespace.into(), selector: from.clone() }];
    Action {
        phase,
        kind: ActionKind::SelectRevision { namespace: namespace.into(), from, to },
        preconditions,
    }
}

pub(crate) fn movement(workload: &str, how: MoveHow, replicas: i32) -> Action {
    let workload: ObjectRef = workload.parse().unwrap();
    let preconditions =
        vec![Precondition::TemplateIs { object: workload.clone(), digest: "template".into() }];
    let kind = ActionKind::Move(Move {
        workload,
        revision: target(),
        how,
        cures: vec![],
        replicas,
        ready_min: replicas - 1,
        seconds_max: 600,
        pod_ready_seconds_max: 120,
    });
    Action { phase: 2, kind, preconditions }
}

pub(crate) fn wave(id: &str, needs: &[&str], namespace: &str, moves: Vec<Action>) -> Step {
    let workloads: Vec<ObjectRef> = moves.iter().map(|one| one.kind.subject()).collect();
    let prove = ActionKind::ProveInjection {
        namespace: namespace.into(),
        revision: target(),
        workloads: workloads.clone(),
        settle_seconds: 10,
        proofs: 10,
    };
    let mut actions = vec![select(0, namespace, "prod", TARGET), action(1, prove)];
    actions.extend(moves);
    let gates = vec![Gate::PodsOnRevision { revision: target(), workloads }, Gate::NoNewFindings];
    Step { bake_seconds: 300, approve_after: true, ..step(id, Stage::Wave, needs, actions, gates) }
}

pub(crate) fn plan() -> Plan {
    let istiod = |revision: &str| ObjectRef::new("Deployment", "istio-system", &format!("istiod-{revision}"));
    let old = RevisionName::from(OLD);
    let install = ActionKind::InstallRevision {
        manifest_digest: "m".into(),
        revision: target(),
        replicas_min: 2,
        creates: vec![istiod(TARGET)],
    };
    let healthy = Gate::RevisionHealthy { revision: target(), ready_min: 2 };
    let web = vec![
        movement("Deployment/web/bff", MoveHow::Rollout, 3),
        movement("Deployment/web/shop", MoveHow::Rollout, 2),
        movement("Deployment/web/cart", MoveHow::Rollout, 1),
    ];
    let data = vec![
        movement("StatefulSet/data/pg", MoveHow::Rollout, 3),
        movement("StatefulSet/data/kafka", MoveHow::DeletePods, 3),
    ];
    let tag = ActionKind::SetTag { tag: TagName::from("prod"), from: Some(old.clone()), to: target() };
    let dark = ActionKind::Scale { workload: istiod(OLD), from: 2, to: 0 };
    let remove = ActionKind::RemoveRevision {
        revision: old.clone(),
        objects: vec![istiod(OLD), ObjectRef::new("Service", "istio-system", &format!("istiod-{OLD}"))],
    };
    let crds = ActionKind::ApplyCrds { manifest_digest: "m".into(), names: vec![] };
    let forward = StepUndo::ForwardOnly { why: "CRDs stay".into() };
    let back = vec![select(0, "web", TARGET, "prod"), select(0, "data", TARGET, "prod")];
    let cleanup = vec![Gate::NoConsumers { revision: old.clone() }];
    let steps = vec![
        Step { undo: forward, ..step("crds", Stage::Crds, &[], vec![action(0, crds)], vec![]) },
        step(
            "istiod",
            Stage::ControlPlane,
            &["crds"],
            vec![action(0, install)],
            vec![healthy, Gate::NothingMoved],
        ),
        wave("wave-1", &["istiod"], "web", web),
        wave("wave-2", &["wave-1"], "data", data),
        step("tag-prod", Stage::Tag, &["wave-2"], vec![action(0, tag)], vec![Gate::NothingMoved]),
        step("labels", Stage::Relabel, &["tag-prod"], back, vec![Gate::NothingMoved]),
        step("dark", Stage::Dark, &["labels"], vec![action(0, dark)], vec![]),
        step("cleanup", Stage::Cleanup, &["dark"], vec![action(0, remove)], cleanup),
    ];
    of(steps)
}

pub(crate) fn of(steps: Vec<Step>) -> Plan {
    let limits = Limits { selector_settle_seconds: Some(5), ..Limits::default() };
    Plan {
        format_version: 1,
        digest: "d".into(),
        forward_only: vec![],
        from: vec!["1.29.6".parse().unwrap()],
        target: "1.30.3".parse().unwrap(),
        old_revisions: vec![OLD.into()],
        revision: target(),
        traffic: "not observed".into(),
        waiting: vec![],
        untouched: vec![],
        intent: Intent { limits, ..Intent::default() },
        intent_digest: "i".into(),
        snapshot_digest: "s".into(),
        snapshot_time: None,
        manifest_digest: None,
        steps,
    }
}
