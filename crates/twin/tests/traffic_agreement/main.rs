//! The rule of the checks and the simulation of the twin give every workload the same verdict.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod driver;
mod flips;
mod planted;
mod random;
mod scene;
mod seeds;
mod verdicts;

use std::collections::BTreeMap;

use meshlift_model::k8s::{Lifecycle, LifecycleHandler, Resource, SleepAction};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_ports::WorldPort;
use meshlift_twin::traffic::{Corner, Traffic, verdict};

use driver::Driver;
use verdicts::{Corners, assess, difference};

/// Restarts every workload, one after the other, in one corner.
fn simulate(snapshot: &Snapshot, workloads: &[ObjectRef], corner: Corner) -> Traffic {
    let mut driver = Driver::load(snapshot, corner, 3);
    for workload in workloads {
        driver.restart(workload);
    }
    driver.measure(corner)
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

#[test]
fn rule_and_simulation_agree_on_every_workload() {
    let snapshot = recording();
    let assessed = assess(&snapshot);
    let workloads: Vec<ObjectRef> = assessed.workloads.keys().cloned().collect();
    let mut simulated: BTreeMap<ObjectRef, Corners> = BTreeMap::new();
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
        *seen.entry(verdict(&corners[&Corner::BEST], corners.values())).or_insert(0) += 1;
        differ.extend(difference(rule, corners, false).map(|words| format!("{workload}: {words}")));
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
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
            container.lifecycle =
                Some(Box::new(Lifecycle { pre_stop: Some(sleep.clone()), post_start: None }));
        }
        cured.push(workload);
    }
    assert!(cured.len() > 10, "{cured:?}");
    // Pods that run now have no sleep yet: the first restart brings it, the second one is judged.
    let mut driver = Driver::load(&snapshot, Corner::WORST, 4);
    for workload in &cured {
        driver.restart(workload);
    }
    let middle = driver.0.snapshot().unwrap();
    let traffic = simulate(&middle, &cured, Corner::WORST);
    let lost: Vec<_> =
        cured.iter().filter(|workload| traffic.workloads[*workload].loss.lost_millis > 0.0).collect();
    assert_eq!(lost, Vec::<&ObjectRef>::new());
}
