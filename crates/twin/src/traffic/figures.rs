//! What traffic came to: figures, verdicts, and why, in words.

use std::collections::BTreeMap;

use meshlift_model::defaults::REQUESTS_PER_SECOND;
use meshlift_model::finding::TrafficVerdict;
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use super::clients::ClientClass;

/// Why all requests are lost where nothing is listed.
pub(super) const NO_ENDPOINT: &str = "no endpoint";

/// What a run did to clients, in one corner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Per Service that anything happened to.
    pub services: BTreeMap<ObjectRef, ServiceTraffic>,
    /// Per workload whose pods came or went.
    pub workloads: BTreeMap<ObjectRef, WorkloadTraffic>,
    /// Most pods at any moment, over the number at the beginning.
    pub capacity_peak_extra_pods: i64,
}

/// What the clients of a Service saw: the worst of its classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceTraffic {
    /// By class of clients.
    pub classes: BTreeMap<ClientClass, Loss>,
    /// Fewest endpoints listed at any moment.
    pub endpoints_min: usize,
    /// Listed endpoints from each time on.
    pub ready: Vec<(Time, usize)>,
}

/// What one class of clients lost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// Share of new requests that was lost, over time: share × milliseconds.
    pub lost_millis: f64,
    /// Milliseconds with any loss.
    pub exposed_millis: i64,
    /// Largest share.
    pub worst_share: f64,
    /// Requests in flight that were cut.
    pub requests_cut: f64,
    /// Open connections that were cut.
    pub connections_cut: f64,
    /// Why, in words, with milliseconds.
    pub why: BTreeMap<&'static str, i64>,
}

/// What a workload's pods did to their clients: the worst of its Services and classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadTraffic {
    /// Its worst loss.
    pub loss: Loss,
    /// The worst number of requests cut of any class, and of connections.
    pub requests_cut: f64,
    /// See `requests_cut`.
    pub connections_cut: f64,
    /// Least ready pods at any moment.
    pub ready_min: i32,
    /// Ready pods that are not on their way out, from each time on.
    pub ready: Vec<(Time, i32)>,
    /// Desired pods.
    pub replicas: i32,
    /// What of its manner explains a gap, in words; empty where nothing does.
    pub manner: &'static str,
}

impl Loss {
    /// New requests lost, at the assumed rate.
    #[must_use]
    pub fn requests_lost(&self) -> f64 {
        self.lost_millis / 1000.0 * REQUESTS_PER_SECOND
    }

    /// Why, in sentences.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.why.iter().map(|(why, millis)| format!("{why} for {:.1} s", seconds(*millis))).collect()
    }

    pub(super) fn add(&mut self, share: f64, millis: i64, why: &[&'static str]) {
        if share > 0.0 {
            self.lost_millis += share * millis as f64;
            self.exposed_millis += millis;
            self.worst_share = self.worst_share.max(share);
            why.iter().for_each(|why| *self.why.entry(why).or_default() += millis);
        }
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

impl WorkloadTraffic {
    /// True if nothing is lost and nothing cut.
    #[must_use]
    pub fn is_unharmed(&self) -> bool {
        self.loss.lost_millis <= 0.0 && self.requests_cut <= 0.0 && self.connections_cut <= 0.0
    }

    /// Why requests were lost, in sentences: `no endpoint for 4.2 s: one replica, no surge`.
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        let sentence = |(why, millis): (&&str, &i64)| {
            let words = format!("{why} for {:.1} s", seconds(*millis));
            if *why == NO_ENDPOINT { format!("{words}: {}", self.reason()) } else { words }
        };
        self.loss.why.iter().map(sentence).collect()
    }

    fn reason(&self) -> String {
        let count = if self.replicas == 1 { "one replica" } else { "all pods at once" };
        if self.manner.is_empty() { count.to_owned() } else { format!("{count}, {}", self.manner) }
    }
}

/// The verdict on a workload, from the best corner and as many others as were run.
#[must_use]
pub fn verdict<'a>(
    best: &WorkloadTraffic,
    others: impl IntoIterator<Item = &'a WorkloadTraffic>,
) -> TrafficVerdict {
    if best.loss.lost_millis > 0.0 {
        TrafficVerdict::Gap
    } else if best.is_unharmed() && others.into_iter().all(WorkloadTraffic::is_unharmed) {
        TrafficVerdict::Safe
    } else {
        TrafficVerdict::Exposed
    }
}
