//! CronJob controller (`pkg/controller/cronjob`). Schedules are read in UTC, whatever zone they name: the
//! twin knows no zones (*assumption*).

mod schedule;

use meshlift_model::k8s::{CronJob, Job, ObjectMeta, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use super::{job, pods};
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, DeleteOptions};
use schedule::Schedule;

/// Annotation with the time that a Job was made for.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// Added to the wait, so that the time has come for certain (`nextScheduleDelta`).
const MARGIN_MILLIS: i64 = 100;
/// Missed times that are looked through; more are given up (upstream: 100, then it starts none).
const MISSED_MAX: usize = 100;
/// Finished Jobs that are kept (API defaults).
const KEEP_SUCCESSFUL: i32 = 3;
const KEEP_FAILED: i32 = 1;

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct CronJobs;

impl Actor for CronJobs {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn watch(&mut self, change: &Change, _cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(cron_job) = change.of::<CronJob>() {
            wakes.now(cron_job.object_ref());
        } else if change.of::<Job>().is_some()
            && let Some(key) = pods::controller_key(change, CronJob::KIND)
        {
            wakes.now(key);
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(mut cron_job) = cluster.store.get::<CronJob>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        let jobs: Vec<Job> = cluster.store.owned_by::<Job>(&cron_job.metadata.uid).cloned().collect();
        for (kind, limit, default) in [
            ("Complete", cron_job.spec.successful_jobs_history_limit, KEEP_SUCCESSFUL),
            ("Failed", cron_job.spec.failed_jobs_history_limit, KEEP_FAILED),
        ] {
            forget(&jobs, kind, limit.unwrap_or(default), cluster)?;
        }
        note_success(&mut cron_job, &jobs);
        let requeue = start_due(&mut cron_job, &jobs, cluster)?;
        cluster.store.update_status(cron_job)?;
        Ok(requeue)
    }
}

/// Starts the Job of the latest time that has passed, and waits for the next time (`syncCronJob`).
fn start_due(cron_job: &mut CronJob, jobs: &[Job], cluster: &mut Cluster) -> Result<Requeue, ApiError> {
    let Some(schedule) = Schedule::parse(&cron_job.spec.schedule) else { return Ok(Requeue::Done) };
    if cron_job.spec.suspend || cron_job.metadata.deletion_timestamp.is_some() {
        return Ok(Requeue::Done);
    }
    let now = cluster.now();
    let since = cron_job.status.last_schedule_time.max(cron_job.metadata.creation_timestamp).unwrap_or(now);
    let mut missed = std::iter::successors(schedule.next(since), |time| schedule.next(*time))
        .take_while(|time| *time <= now)
        .take(MISSED_MAX);
    let due = missed.by_ref().last();
    let wait = schedule
        .next(now)
        .map_or(Requeue::Done, |next| Requeue::AfterMillis(next.millis_since(now) + MARGIN_MILLIS));
    let Some(due) = due else { return Ok(wait) };
    let running: Vec<&Job> = jobs.iter().filter(|job| job::outcome_of(job).is_none()).collect();
    match cron_job.spec.concurrency_policy.as_str() {
        "Forbid" if !running.is_empty() => return Ok(wait),
        "Replace" => {
            for job in running {
                cluster.delete(&job.object_ref(), &DeleteOptions::default())?;
            }
        }
        _ => {}
    }
    match cluster.store.create(job_for(cron_job, due)) {
        Ok(_) | Err(ApiError::AlreadyExists(_)) => {}
        Err(error) => return Err(error),
    }
    cron_job.status.last_schedule_time = Some(due);
    Ok(wait)
}

/// The Job of a time; its name carries the minutes since 1970.
fn job_for(cron_job: &CronJob, due: Time) -> Job {
    let template = &cron_job.spec.job_template;
    let mut annotations = template.metadata.annotations.clone();
    annotations.insert(SCHEDULED.to_owned(), due.to_string());
    // The API server gives a Job without labels those of its pods.
    let labels = if template.metadata.labels.is_empty() {
        &template.spec.template.metadata.labels
    } else {
        &template.metadata.labels
    };
    Job {
        metadata: ObjectMeta {
            name: format!("{}-{}", cron_job.metadata.name, due.seconds() / 60),
            namespace: cron_job.metadata.namespace.clone(),
            labels: labels.clone(),
            annotations,
            owner_references: vec![pods::controller_of(cron_job)].into(),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        ..Job::default()
    }
}

/// Remembers the latest success.
fn note_success(cron_job: &mut CronJob, jobs: &[Job]) {
    let successes =
        jobs.iter().filter(|job| job::outcome_of(job).is_some_and(|(kind, _)| kind == "Complete"));
    let latest = successes.filter_map(|job| job.status.completion_time).max();
    cron_job.status.last_successful_time = cron_job.status.last_successful_time.max(latest);
}

/// Deletes the oldest Jobs that ended so, beyond the limit.
fn forget(jobs: &[Job], kind: &str, limit: i32, cluster: &mut Cluster) -> Result<(), ApiError> {
    let ended_so = |job: &&Job| job::outcome_of(job).is_some_and(|(outcome, _)| outcome == kind);
    let mut ended: Vec<&Job> = jobs.iter().filter(ended_so).collect();
    ended.sort_by_key(|job| (job.status.start_time, job.metadata.name.clone()));
    let surplus = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for job in ended.into_iter().take(surplus) {
        cluster.delete(&job.object_ref(), &DeleteOptions::default())?;
    }
    Ok(())
}
