//! Jobs, CronJobs and bare pods.

use meshlift_model::k8s::{CronJob, Job, Pod, Resource};
use meshlift_twin::DeleteOptions;
use serde_json::{Value, json};

use crate::scene::{Scene, target};

fn job_spec(image: &str, more: Value) -> Value {
    let mut spec = json!({"template": {
        "metadata": {"labels": {"app": "settle"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "settle", "image": image}]}
    }});
    for (key, value) in more.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    spec
}

fn outcome(scene: &Scene, name: &str) -> Vec<(String, String)> {
    let conditions = &scene.get::<Job>(name).status.conditions;
    conditions.iter().map(|condition| (condition.type_.to_string(), condition.reason.to_string())).collect()
}

#[test]
fn a_job_runs_to_its_completions() {
    let mut scene = Scene::new();
    let spec = job_spec("v1", json!({"completions": 3, "parallelism": 2}));
    scene.create("Job", json!({"metadata": {"name": "settle"}, "spec": spec}));
    scene.pass(2);
    assert_eq!(scene.get::<Job>("settle").status.active, 2);
    scene.settle();
    let reason = "CompletionsReached".to_owned();
    assert_eq!(
        outcome(&scene, "settle"),
        [("SuccessCriteriaMet".into(), reason.clone()), ("Complete".into(), reason)]
    );
    let status = &scene.get::<Job>("settle").status;
    assert_eq!((status.active, status.succeeded, status.failed), (0, 3, 0));
}

#[test]
fn a_job_that_keeps_failing_fails_after_its_back_offs() {
    let mut scene = Scene::new();
    scene.faults.failing.borrow_mut().insert("broken".into());
    let spec = job_spec("broken", json!({"backoffLimit": 2}));
    scene.create("Job", json!({"metadata": {"name": "settle"}, "spec": spec}));
    scene.pass(20);
    assert_eq!(scene.get::<Job>("settle").status.failed, 1, "the first replacement waits ten seconds");
    scene.settle();
    assert_eq!(outcome(&scene, "settle")[1], ("Failed".to_owned(), "BackoffLimitExceeded".to_owned()));
    assert_eq!(scene.get::<Job>("settle").status.failed, 3);
}

#[test]
fn a_cron_job_makes_jobs_in_time_and_forgets_old_ones() {
    let mut scene = Scene::new();
    let template = json!({"spec": job_spec("v1", json!({}))});
    scene.create(
        "CronJob",
        json!({
            "metadata": {"name": "settle"},
            "spec": {"schedule": "*/10 * * * *", "successfulJobsHistoryLimit": 2, "jobTemplate": template}
        }),
    );
    scene.pass(3600);
    let jobs = scene.list::<Job>();
    assert_eq!(jobs.len(), 2);
    assert!(jobs.iter().all(|job| job.metadata.label("app") == Some("settle")));
    assert_eq!(scene.list::<Pod>().len(), 2, "the pods of forgotten Jobs are collected");
    let status = &scene.get::<CronJob>("settle").status;
    assert_eq!(status.last_schedule_time.unwrap().to_string(), "2026-11-23T20:50:00Z");
    scene.patch::<CronJob>("settle", |it| it.spec.suspend = true);
    scene.pass(3600);
    assert_eq!(
        scene.get::<CronJob>("settle").status.last_schedule_time.unwrap().to_string(),
        "2026-11-23T20:50:00Z"
    );
}

#[test]
fn nobody_makes_a_bare_pod_again() {
    let mut scene = Scene::new();
    scene.create("Pod", json!({"metadata": {"name": "shell"}, "spec": {"restartPolicy": "Always", "containers": [{"name": "sh", "image": "v1"}]}}));
    scene.settle();
    assert_eq!(scene.ready(), 1);
    scene.twin.cluster.delete(&target(Pod::KIND, "shell"), &DeleteOptions::default()).unwrap();
    scene.settle();
    assert!(scene.list::<Pod>().is_empty());
}
