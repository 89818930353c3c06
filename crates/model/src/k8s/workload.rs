//! Controllers of pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, ControllerRevision, Job, CronJob.

use super::{Condition, IntOrString, ObjectMeta, PodTemplateSpec};
use crate::selector::LabelSelector;
use crate::time::Time;

api! {
    /// `apps/v1.Deployment`.
    pub struct Deployment {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: DeploymentSpec,
        /// Observed state.
        pub status: DeploymentStatus,
    }

    /// `apps/v1.DeploymentSpec`.
    pub struct DeploymentSpec {
        /// Desired pods; API default 1.
        pub replicas: Option<i32>,
        /// Which pods belong to it.
        pub selector: LabelSelector,
        /// What they look like.
        pub template: PodTemplateSpec,
        /// How it rolls.
        pub strategy: DeploymentStrategy,
        /// Seconds that a pod must be Ready to count as available.
        pub min_ready_seconds: i32,
        /// Seconds without progress until the rollout counts as failed; API default 600.
        pub progress_deadline_seconds: Option<i32>,
        /// Old ReplicaSets to keep; API default 10.
        pub revision_history_limit: Option<i32>,
        /// A paused Deployment does not roll.
        pub paused: bool,
    }

    /// `apps/v1.DeploymentStrategy`.
    pub struct DeploymentStrategy {
        /// `RollingUpdate` (default) or `Recreate`.
        #[serde(rename = "type")]
        pub type_: String,
        /// Limits of a rolling update.
        pub rolling_update: Option<RollingUpdate>,
    }

    /// Rolling-update limits of Deployments, StatefulSets and DaemonSets.
    pub struct RollingUpdate {
        /// How many may be missing; percentages round down for Deployments.
        pub max_unavailable: Option<IntOrString>,
        /// How many may exist on top; percentages round up.
        pub max_surge: Option<IntOrString>,
        /// StatefulSet: ordinals below it keep the old revision.
        pub partition: Option<i32>,
    }

    /// `apps/v1.DeploymentStatus`.
    pub struct DeploymentStatus {
        /// Generation that the controller has seen.
        pub observed_generation: i64,
        /// Pods in all.
        pub replicas: i32,
        /// Pods of the newest template.
        pub updated_replicas: i32,
        /// Ready pods.
        pub ready_replicas: i32,
        /// Pods Ready for minReadySeconds.
        pub available_replicas: i32,
        /// Pods missing from full availability.
        pub unavailable_replicas: i32,
        /// Pods on their way out (Kubernetes 1.33 and later).
        pub terminating_replicas: Option<i32>,
        /// Avoids hash collisions of template hashes.
        pub collision_count: Option<i32>,
        /// `Progressing`, `Available`, `ReplicaFailure`.
        pub conditions: Vec<Condition>,
    }

    /// `apps/v1.ReplicaSet`.
    pub struct ReplicaSet {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: ReplicaSetSpec,
        /// Observed state.
        pub status: ReplicaSetStatus,
    }

    /// `apps/v1.ReplicaSetSpec`.
    pub struct ReplicaSetSpec {
        /// Desired pods; API default 1.
        pub replicas: Option<i32>,
        /// Which pods belong to it.
        pub selector: LabelSelector,
        /// What they look like.
        pub template: PodTemplateSpec,
        /// Copied from the Deployment.
        pub min_ready_seconds: i32,
    }

    /// `apps/v1.ReplicaSetStatus`.
    pub struct ReplicaSetStatus {
        /// Pods in all.
        pub replicas: i32,
        /// Pods whose labels match the template's.
        pub fully_labeled_replicas: i32,
        /// Ready pods.
        pub ready_replicas: i32,
        /// Available pods.
        pub available_replicas: i32,
        /// Pods on their way out (Kubernetes 1.33 and later).
        pub terminating_replicas: Option<i32>,
        /// Generation that the controller has seen.
        pub observed_generation: i64,
        /// `ReplicaFailure`.
        pub conditions: Vec<Condition>,
    }

    /// `apps/v1.StatefulSet`.
    pub struct StatefulSet {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: StatefulSetSpec,
        /// Observed state.
        pub status: StatefulSetStatus,
    }

    /// `apps/v1.StatefulSetSpec`.
    pub struct StatefulSetSpec {
        /// Desired pods; API default 1.
        pub replicas: Option<i32>,
        /// Which pods belong to it.
        pub selector: LabelSelector,
        /// What they look like.
        pub template: PodTemplateSpec,
        /// Headless Service of its pods.
        pub service_name: String,
        /// `OrderedReady` (default) or `Parallel`.
        pub pod_management_policy: String,
        /// How it rolls.
        pub update_strategy: UpdateStrategy,
        /// Seconds that a pod must be Ready to count as available.
        pub min_ready_seconds: i32,
        /// Claims made for each pod, names only.
        pub volume_claim_templates: Vec<VolumeClaimTemplate>,
        /// Old ControllerRevisions to keep; API default 10.
        pub revision_history_limit: Option<i32>,
    }

    /// A claim template of a StatefulSet.
    pub struct VolumeClaimTemplate {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: VolumeClaimSpec,
    }

    /// `v1.PersistentVolumeClaimSpec`.
    pub struct VolumeClaimSpec {
        /// `ReadWriteOnce`, `ReadWriteOncePod`, `ReadWriteMany`, `ReadOnlyMany`.
        pub access_modes: Vec<String>,
    }

    /// `v1.PersistentVolumeClaim`.
    pub struct PersistentVolumeClaim {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: VolumeClaimSpec,
    }

    /// Update strategy of StatefulSets and DaemonSets.
    pub struct UpdateStrategy {
        /// `RollingUpdate` (default) or `OnDelete`.
        #[serde(rename = "type")]
        pub type_: String,
        /// Limits of a rolling update.
        pub rolling_update: Option<RollingUpdate>,
    }

    /// `apps/v1.StatefulSetStatus`.
    pub struct StatefulSetStatus {
        /// Generation that the controller has seen.
        pub observed_generation: i64,
        /// Pods in all.
        pub replicas: i32,
        /// Ready pods.
        pub ready_replicas: i32,
        /// Available pods.
        pub available_replicas: i32,
        /// Pods of `current_revision`.
        pub current_replicas: i32,
        /// Pods of `update_revision`.
        pub updated_replicas: i32,
        /// ControllerRevision that pods had before.
        pub current_revision: String,
        /// ControllerRevision that pods should have.
        pub update_revision: String,
        /// Avoids collisions of revision names.
        pub collision_count: Option<i32>,
        /// Conditions.
        pub conditions: Vec<Condition>,
    }

    /// `apps/v1.DaemonSet`.
    pub struct DaemonSet {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: DaemonSetSpec,
        /// Observed state.
        pub status: DaemonSetStatus,
    }

    /// `apps/v1.DaemonSetSpec`.
    pub struct DaemonSetSpec {
        /// Which pods belong to it.
        pub selector: LabelSelector,
        /// What they look like.
        pub template: PodTemplateSpec,
        /// How it rolls.
        pub update_strategy: UpdateStrategy,
        /// Seconds that a pod must be Ready to count as available.
        pub min_ready_seconds: i32,
        /// Old ControllerRevisions to keep; API default 10.
        pub revision_history_limit: Option<i32>,
    }

    /// `apps/v1.DaemonSetStatus`.
    pub struct DaemonSetStatus {
        /// Generation that the controller has seen.
        pub observed_generation: i64,
        /// Nodes that should run it.
        pub desired_number_scheduled: i32,
        /// Nodes that run it and should.
        pub current_number_scheduled: i32,
        /// Nodes that run it and should not.
        pub number_misscheduled: i32,
        /// Ready pods.
        pub number_ready: i32,
        /// Available pods.
        pub number_available: i32,
        /// Nodes without an available pod.
        pub number_unavailable: i32,
        /// Pods of the newest template.
        pub updated_number_scheduled: i32,
    }

    /// `apps/v1.ControllerRevision`: a former or present template, as an opaque patch.
    pub struct ControllerRevision {
        /// Metadata; label `controller.kubernetes.io/hash` among it.
        pub metadata: ObjectMeta,
        /// Serial number.
        pub revision: i64,
        /// The template patch, kept as it is: equality decides, nothing reads into it.
        pub data: serde_json::Value,
    }

    /// `batch/v1.Job`.
    pub struct Job {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: JobSpec,
        /// Observed state.
        pub status: JobStatus,
    }

    /// `batch/v1.JobSpec`.
    pub struct JobSpec {
        /// What its pods look like.
        pub template: PodTemplateSpec,
        /// Which pods belong to it.
        pub selector: Option<LabelSelector>,
        /// Pods that may run at once.
        pub parallelism: Option<i32>,
        /// Pods that must succeed.
        pub completions: Option<i32>,
        /// Failed pods until the Job fails.
        pub backoff_limit: Option<i32>,
        /// A suspended Job makes no pods.
        pub suspend: bool,
    }

    /// `batch/v1.JobStatus`.
    pub struct JobStatus {
        /// Running pods.
        pub active: i32,
        /// Pods that succeeded.
        pub succeeded: i32,
        /// Pods that failed.
        pub failed: i32,
        /// `Complete`, `Failed`.
        pub conditions: Vec<Condition>,
        /// Start of the first pod.
        pub start_time: Option<Time>,
        /// End of the last pod.
        pub completion_time: Option<Time>,
    }

    /// `batch/v1.CronJob`.
    pub struct CronJob {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: CronJobSpec,
        /// Observed state.
        pub status: CronJobStatus,
    }

    /// `batch/v1.CronJobSpec`.
    pub struct CronJobSpec {
        /// Five-field cron expression.
        pub schedule: String,
        /// Zone of the schedule; UTC of the controller when absent.
        pub time_zone: Option<String>,
        /// `Allow`, `Forbid` or `Replace`.
        pub concurrency_policy: String,
        /// What its Jobs look like.
        pub job_template: JobTemplateSpec,
        /// A suspended CronJob makes no Jobs.
        pub suspend: bool,
        /// Finished Jobs to keep.
        pub successful_jobs_history_limit: Option<i32>,
        /// Failed Jobs to keep.
        pub failed_jobs_history_limit: Option<i32>,
    }

    /// `batch/v1.JobTemplateSpec`.
    pub struct JobTemplateSpec {
        /// Labels and annotations of the Jobs to come.
        pub metadata: ObjectMeta,
        /// Their spec.
        pub spec: JobSpec,
    }

    /// `batch/v1.CronJobStatus`.
    pub struct CronJobStatus {
        /// Last time a Job was made.
        pub last_schedule_time: Option<Time>,
        /// Last time a Job succeeded.
        pub last_successful_time: Option<Time>,
    }

    /// `autoscaling/v1.CrossVersionObjectReference`.
    pub struct ScaleTargetRef {
        /// Kind of the target.
        pub kind: String,
        /// Name of the target.
        pub name: String,
        /// API version of the target.
        pub api_version: String,
    }
}
