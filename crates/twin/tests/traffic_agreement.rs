//! The rule of the checks and the simulation of the twin give every workload the same verdict.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_checks::Assessment;
use meshlift_mesh::facts::Mesh;
use meshlift_model::effect::{Change, Effect, Observation, Outcome, Query, WorkloadView, Write};
use meshlift_model::finding::TrafficVerdict;
use meshlift_model::intent::Intent;
use meshlift_model::journal::InputEvent;
use meshlift_model::k8s::{DaemonSet, Lifecycle, LifecycleHandler, Resource, SleepAction, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_ports::WorldPort;
use meshlift_twin::traffic::{Corner, Traffic, WorkloadTraffic, measure, verdict};
use meshlift_twin::world::{TwinOptions, TwinWorld};

/// Longest that a client may go on using what is gone: a load balancer's list in the slow corner.
const FORGET_SECONDS: i64 = 320;
const ROLLOUT_SECONDS_MAX: i64 = 7200;

struct Driver(TwinWorld);

impl Driver {
    fn run(&mut self, effect: Effect) -> Outcome {
        self.0.submit(1, &effect);
        loop {
            if let InputEvent::Outcome { outcome, .. } = self.0.next(None).event {
                return outcome;
            }
        }
    }

    fn write(&mut self, target: &ObjectRef, change: Change) {
        let write = Write { target: target.clone(), uid: None, resource_version: None, change };
        let outcome = self.run(Effect::Write(write));
        assert!(matches!(outcome, Outcome::Done { .. }), "{target}: {outcome:?}");
    }

    fn view(&mut self, workload: &ObjectRef) -> WorkloadView {
        let outcome = self.run(Effect::Read(Query::Workload { workload: workload.clone() }));
        match outcome {
            Outcome::Observed { observation: Observation::Workload { workload: Some(view) } } => *view,
            other => unreachable!("no answer about a workload: {other:?}"),
        }
    }

    fn wait(&mut self, seconds: i64) {
        let until = self.0.now().plus_seconds(seconds);
        self.0.next(Some(until));
    }

    /// Restarts one workload to its end, and lets all clients forget what went.
    fn restart(&mut self, workload: &ObjectRef) {
        let old: Vec<String> = self.view(workload).pods.iter().map(|pod| pod.uid.clone()).collect();
        if workload.kind == "Pod" {
            self.write(workload, Change::RecreatePod);
        } else {
            let value = Some(self.0.now().to_string());
            let key = "kubectl.kubernetes.io/restartedAt".to_owned();
            self.write(workload, Change::TemplateAnnotation { key, value });
        }
        let until = self.0.now().plus_seconds(ROLLOUT_SECONDS_MAX);
        loop {
            self.wait(5);
            let view = self.view(workload);
            let settled = view.pods.iter().all(|pod| !pod.terminating && pod.ready_since.is_some());
            let complete = view.pods.len() >= old.len();
            let remaining: Vec<_> = view.pods.iter().filter(|pod| old.contains(&pod.uid)).collect();
            if settled && complete && remaining.is_empty() {
                break;
            }
            if let Some(pod) =
                remaining.first().filter(|_| settled && complete && on_delete(&self.0, workload))
            {
                self.write(&ObjectRef::new("Pod", &workload.namespace, &pod.name), Change::Delete);
            }
            assert!(self.0.now() < until, "{workload} does not come to an end: {view:#?}");
        }
        self.wait(FORGET_SECONDS);
    }
}

/// True for sets that wait for somebody to delete their pods.
fn on_delete(world: &TwinWorld, workload: &ObjectRef) -> bool {
    let store = &world.twin().cluster.store;
    let (namespace, name) = (&workload.namespace, &workload.name);
    let set = store.get::<StatefulSet>(namespace, name).map(|set| set.spec.update_strategy.type_.clone());
    let daemons = store.get::<DaemonSet>(namespace, name).map(|set| set.spec.update_strategy.type_.clone());
    set.or(daemons).is_some_and(|type_| type_ == "OnDelete")
}

/// Restarts every workload, one after the other, in one corner.
fn simulate(snapshot: &Snapshot, workloads: &[ObjectRef], corner: Corner) -> Traffic {
    let world = TwinWorld::load(snapshot, TwinOptions { seed: 3, corner, manifest: None });
    let mut driver = Driver(world);
    for workload in workloads {
        driver.restart(workload);
    }
    let (world, now) = (&driver.0, driver.0.now());
    measure(world.twin().cluster.store.changes(), world.began(), now, corner)
}

/// The recording, without the hazards that stop a rollout: those are not what is compared.
fn recording() -> Snapshot {
    let mut snapshot = meshlift_snapshot::fixtures::cluster("before").expect("a recording");
    snapshot.objects.resource_quotas.clear();
    for set in &mut snapshot.objects.stateful_sets {
        if let Some(rolling) = &mut set.spec.update_strategy.rolling_update {
            rolling.partition = None;
        }
    }
    snapshot
}

fn assess(snapshot: &Snapshot) -> Assessment {
    let mesh = Mesh::derive(Arc::new(snapshot.clone()));
    meshlift_checks::assess(&mesh, &Intent::default(), None)
}

#[test]
fn rule_and_simulation_agree_on_every_workload() {
    let snapshot = recording();
    let assessed = assess(&snapshot);
    let workloads: Vec<ObjectRef> = assessed.workloads.keys().cloned().collect();
    let mut simulated: BTreeMap<ObjectRef, BTreeMap<Corner, WorkloadTraffic>> = BTreeMap::new();
    for corner in Corner::all() {
        let traffic = simulate(&snapshot, &workloads, corner);
        for workload in &workloads {
            let figures = traffic.workloads.get(workload).cloned().unwrap_or_default();
            simulated.entry(workload.clone()).or_default().insert(corner, figures);
        }
    }
    let mut differ = Vec::new();
    let mut seen = BTreeMap::new();
    for (workload, rule) in &assessed.workloads {
        let corners = &simulated[workload];
        let worst = corners.values().map(|one| one.loss.lost_millis).fold(0.0, f64::max);
        let ours = verdict(&corners[&Corner::BEST], corners.values());
        let bound = rule.exposure_millis;
        *seen.entry(ours).or_insert(0) += 1;
        // What is announced of an exposed workload is never too little and never more than twice the worst.
        let bounded = ours != TrafficVerdict::Exposed || (worst <= bound && bound <= 2.0 * worst);
        if rule.verdict != ours || !bounded {
            let why = corners[&Corner::WORST].loss.words();
            let (verdict, best) = (rule.verdict, corners[&Corner::BEST].loss.lost_millis);
            differ.push(format!(
                "{workload}: {verdict:?} {ours:?} bound {bound} worst {worst} best {best} {why:?}"
            ));
        }
    }
    assert_eq!(differ, Vec::<String>::new());
    assert_eq!(seen.len(), 3, "safe, exposed and gap: {seen:?}");
}

#[test]
fn the_recommended_sleep_makes_workloads_safe() {
    let mut snapshot = recording();
    let assessed = assess(&snapshot);
    let mut cured = Vec::new();
    for deployment in &mut snapshot.objects.deployments {
        let workload = deployment.object_ref();
        let Some(seconds) = assessed.workloads.get(&workload).and_then(|rule| rule.cure_sleep_seconds) else {
            continue;
        };
        let sleep = LifecycleHandler { sleep: Some(SleepAction { seconds }), ..LifecycleHandler::default() };
        for container in &mut deployment.spec.template.spec.containers {
            container.lifecycle = Some(Lifecycle { pre_stop: Some(sleep.clone()), post_start: None });
        }
        cured.push(workload);
    }
    assert!(cured.len() > 10, "{cured:?}");
    // Pods that run now have no sleep yet: the first restart brings it, the second one is judged.
    let world = TwinWorld::load(&snapshot, TwinOptions { seed: 3, corner: Corner::WORST, manifest: None });
    let mut driver = Driver(world);
    cured.iter().for_each(|workload| driver.restart(workload));
    let middle = driver.0.snapshot().unwrap();
    let traffic = simulate(&middle, &cured, Corner::WORST);
    let lost: Vec<_> =
        cured.iter().filter(|workload| traffic.workloads[*workload].loss.lost_millis > 0.0).collect();
    assert_eq!(lost, Vec::<&ObjectRef>::new());
}
