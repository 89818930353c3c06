//! What the rehearsal says of a rollout's time is what it takes.

use meshlift_cluster::{READY_AFTER, STOPS_AFTER};
use meshlift_model::k8s::Pod;
use meshlift_model::run_report::StepReport;
use meshlift_twin::traffic::life::{birth, death};
use meshlift_twin::traffic::{Corner, known_millis};
use serde_json::{Value, json};

use crate::lab::{Lab, WORKLOADS};
use crate::{make_plan, until};

/// How far the real time may be from the predicted one, in percent of it.
const PERCENT: i64 = 20;

#[test]
fn a_rehearsed_rollout_takes_as_long_as_it_was_said_to() {
    let lab = Lab::up();
    pods_take_the_time_that_the_twin_thinks(&lab);
    let plan = make_plan(&lab);
    let rehearse = ["rehearse", "--plan", &plan, "--manifest", &lab.manifest];
    let said = lab.run(&[&rehearse[..], &["--no-report", "-o", "json"]].concat());
    let predicted = rolling_millis(&said.stdout);
    let said = lab.run(&lab.onward(&["apply", &plan, "--yes", "--run", "yew"], "tag-default"));
    assert!(said.stdout.contains("a person paused the run"), "{}{}", said.stdout, said.stderr);
    let real = rolling_millis(&lab.run(&["status", "--run", "yew", "-o", "json"]).stdout);
    eprintln!("predicted {predicted:?}\nreal      {real:?}");
    let sum = |steps: &[(String, i64)]| steps.iter().map(|(_, millis)| millis).sum::<i64>();
    let (predicted, real) = (sum(&predicted), sum(&real));
    assert!(predicted > 30_000, "{predicted} ms are no rollouts");
    assert!(
        (real - predicted).abs() * 100 <= predicted * PERCENT,
        "predicted {predicted} ms, took {real} ms"
    );
}

/// Stages of the harness as the best corner has them.
fn pods_take_the_time_that_the_twin_thinks(lab: &Lab) {
    for workload in WORKLOADS {
        let [kind, namespace, name] = workload.split('/').collect::<Vec<_>>()[..] else {
            panic!("{workload}")
        };
        let pods = lab.get(&format!("/api/v1/namespaces/{namespace}/pods"));
        let pod: Pod = serde_json::from_value(pods["items"][0].clone()).unwrap();
        let ready = birth(&pod, Corner::BEST).ready_millis;
        let gone = death(&pod, Corner::BEST, known_millis(&pod, Corner::BEST)).ended_millis;
        let times = json!({READY_AFTER: format!("{ready}ms"), STOPS_AFTER: format!("{gone}ms")});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{}s/{name}", kind.to_lowercase());
        lab.patch(&path, &json!({"spec": {"template": {"metadata": {"annotations": times}}}}));
    }
    until("their rollouts", || lab.all_ready() && lab.none_leaves());
}

/// Steps that roll workloads, and how long each took until it baked.
fn rolling_millis(report: &str) -> Vec<(String, i64)> {
    let report: Value = serde_json::from_str(report).unwrap();
    let steps: Vec<StepReport> = serde_json::from_value(report["steps"].clone()).unwrap();
    let rolls = |step: &StepReport| step.id.starts_with("wave-") || step.id.starts_with("tag-bound-");
    let took = |step: &StepReport| {
        let until = step.baked_from.unwrap();
        (step.id.clone(), until.millis_since(step.started.unwrap()))
    };
    steps.iter().filter(|step| rolls(step)).map(took).collect()
}
