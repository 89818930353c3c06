//! A workload of the little world: just enough of a controller to roll, scale, heal and get stuck.

use meshlift_model::effect::{PodView, WorkloadView};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;

pub(crate) const TARGET: &str = "1-30-3";
pub(crate) const OLD: &str = "1-29-6";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Workload {
    pub(crate) me: ObjectRef,
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) generation: i64,
    pub(crate) on_delete: bool,
    pub(crate) replicas: i32,
    pub(crate) restarted_at: Option<String>,
    pub(crate) template_digest: String,
    pub(crate) pods: Vec<Pod>,
    /// Pods that a quota allows.
    pub(crate) quota: Option<usize>,
    /// Evictions are refused until then.
    pub(crate) budget_until: Option<Time>,
    /// Pods of this revision never become Ready, or reject their configuration, or come without a sidecar.
    pub(crate) never_ready_on: Option<&'static str>,
    pub(crate) nack_on: Option<&'static str>,
    pub(crate) bare_on: Option<&'static str>,
    pub(crate) trouble: Option<String>,
    pub(crate) made: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) created: Time,
    pub(crate) template: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) ready_at: Option<Time>,
    pub(crate) gone_at: Option<Time>,
    pub(crate) nack: bool,
}

impl Workload {
    pub(crate) fn new(me: ObjectRef, replicas: i32, revision: Option<&str>, now: Time) -> Self {
        let mut one = Self {
            uid: format!("uid-{me}"),
            me,
            version: 1,
            generation: 1,
            on_delete: false,
            replicas,
            restarted_at: None,
            template_digest: "template".into(),
            pods: Vec::new(),
            quota: None,
            budget_until: None,
            never_ready_on: None,
            nack_on: None,
            bare_on: None,
            trouble: None,
            made: 0,
        };
        for ordinal in 0..replicas {
            one.create(ordinal, revision, now.plus_seconds(-3600));
        }
        one
    }

    fn is_set(&self) -> bool {
        self.me.kind == "StatefulSet"
    }

    pub(crate) fn living(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| pod.gone_at.is_none())
    }

    fn create(&mut self, ordinal: i32, revision: Option<&str>, now: Time) {
        self.made += 1;
        let tag = if self.is_set() { ordinal.to_string() } else { format!("x{}", self.made) };
        let is = |of: Option<&str>| of.is_some() && of == revision;
        let ready_at = (!is(self.never_ready_on)).then(|| now.plus_seconds(3));
        let nack = is(self.nack_on);
        let revision = if is(self.bare_on) { None } else { revision };
        self.pods.push(Pod {
            name: format!("{}-{tag}", self.me.name),
            uid: format!("{}-{}", self.uid, self.made),
            created: now.whole_second(),
            template: self.restarted_at.clone(),
            revision: revision.map(str::to_owned),
            ready_at,
            gone_at: None,
            nack,
        });
    }

    pub(crate) fn terminate(&mut self, uid: &str, now: Time) {
        for pod in self.pods.iter_mut().filter(|pod| pod.uid == uid) {
            pod.gone_at = Some(now.plus_seconds(2));
        }
    }

    fn ready(&self, pod: &Pod, now: Time) -> bool {
        pod.gone_at.is_none() && pod.ready_at.is_some_and(|at| at <= now)
    }

    /// A bare pod, deleted and created anew.
    pub(crate) fn recreate(&mut self, revision: Option<&str>, now: Time) {
        self.pods.clear();
        self.create(0, revision, now);
        self.uid.clone_from(&self.pods[0].uid);
    }

    /// One second of its controller.
    pub(crate) fn tick(&mut self, revision: Option<&str>, now: Time) {
        self.pods.retain(|pod| pod.gone_at.is_none_or(|at| at > now));
        if self.me.kind == "Pod" {
            return;
        }
        let wanted = usize::try_from(self.replicas).unwrap();
        let living = self.living().count();
        let old = |pod: &&Pod| pod.gone_at.is_none() && pod.template != self.restarted_at;
        let outdated: Vec<String> = self.living().filter(old).map(|pod| pod.uid.clone()).collect();
        let all_ready = self.living().all(|pod| self.ready(pod, now));
        let rolls = !self.on_delete && !outdated.is_empty();
        let surge = usize::from(rolls && !self.is_set());
        self.trouble = None;
        if living < wanted + surge && (!self.is_set() || self.pods.len() < wanted) {
            if self.quota.is_some_and(|quota| self.pods.len() >= quota) {
                self.trouble = Some("ReplicaFailure: exceeded quota".into());
            } else if !self.is_set() || all_ready || living == 0 {
                let taken = |ordinal: &i32| {
                    self.pods.iter().any(|pod| pod.name == format!("{}-{ordinal}", self.me.name))
                };
                let ordinal = (0..).find(|ordinal| !taken(ordinal)).unwrap();
                self.create(ordinal, revision, now);
            }
        } else if living > wanted + surge {
            let last = self.living().last().map(|pod| pod.uid.clone()).unwrap();
            self.terminate(&last, now);
        } else if rolls && all_ready && self.pods.len() == living {
            let victim = outdated.last().unwrap().clone();
            self.terminate(&victim, now);
        } else if rolls && !self.is_set() {
            // An old ReplicaSet that never got Ready is scaled down first.
            let stuck = self.living().filter(old).find(|pod| !self.ready(pod, now));
            if let Some(uid) = stuck.map(|pod| pod.uid.clone()) {
                self.terminate(&uid, now);
            }
        }
    }

    pub(crate) fn view(&self, now: Time) -> WorkloadView {
        let rolled_out = self.living().count() == usize::try_from(self.replicas).unwrap()
            && self.living().all(|pod| pod.template == self.restarted_at && self.ready(pod, now));
        WorkloadView {
            workload: self.me.clone(),
            uid: self.uid.clone(),
            resource_version: self.version.to_string(),
            generation: self.generation,
            observed_generation: self.generation,
            template_digest: self.template_digest.clone(),
            restarted_at: self.restarted_at.clone(),
            replicas: self.replicas,
            min_ready_seconds: 0,
            rolled_out,
            trouble: self.trouble.clone(),
            pods: self.pods.iter().map(|pod| self.pod_view(pod, now)).collect(),
        }
    }

    fn pod_view(&self, pod: &Pod, now: Time) -> PodView {
        let revision = pod.revision.as_deref().map(RevisionName::from);
        let ready = pod.ready_at.filter(|at| *at <= now);
        PodView {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            created: pod.created,
            terminating: pod.gone_at.is_some(),
            updated: pod.template == self.restarted_at,
            ready_since: ready,
            restarts: 0,
            image_version: pod.revision.as_ref().map(|name| name.replace('-', ".").parse().unwrap()),
            connected_to: revision.clone().filter(|_| ready.is_some()),
            revision,
            synced: ready.is_some() && !pod.nack,
            nack: pod.nack.then(|| "listener 0.0.0.0_8080 rejected".to_owned()),
        }
    }
}
