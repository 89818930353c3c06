//! Law 7: no pod has two injectors, and none that had one loses it.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use super::shadow::Shadow;
use super::{Checker, Evidence, violation};
use crate::admission::Review;
use crate::admission::injector::{PROXY, proxy_of};
use crate::store::{Change, ChangeKind};

const LAW: &str = "7";

/// Who injected each pod that was created, dry runs aside; and which workloads had sidecars.
pub(super) struct Injection<'a> {
    reviews: BTreeMap<(Time, &'a str, &'a str), &'a Review>,
    with_proxy: BTreeSet<ObjectRef>,
    loaded: Vec<Pod>,
    found: Vec<Violation>,
}

impl<'a> Injection<'a> {
    pub(super) fn new(evidence: &Evidence<'a>) -> Self {
        let key = |review: &'a Review| (review.at, review.namespace.as_str(), review.pod.as_str());
        let reviews = evidence.reviews.iter().map(|review| (key(review), review)).collect();
        Self { reviews, with_proxy: BTreeSet::new(), loaded: Vec::new(), found: Vec::new() }
    }

    fn created(&mut self, pod: &Pod, at: Time, now: &Shadow) {
        let proxies = pod.spec.all_containers().filter(|container| container.name == PROXY).count();
        let key = (at, pod.metadata.namespace.as_str(), pod.metadata.name.as_str());
        let calls = self.reviews.get(&key).into_iter().flat_map(|review| &review.calls);
        let injectors: BTreeSet<&RevisionName> = calls.filter_map(|call| call.injected_by.as_ref()).collect();
        let mut tell = |detail: String| self.found.push(violation(LAW, at, pod.object_ref(), detail));
        if injectors.len() > 1 {
            let names: Vec<&str> = injectors.iter().map(|name| name.as_str()).collect();
            tell(format!("injected by {} revisions: {}", names.len(), names.join(", ")));
        } else if proxies > 1 {
            tell(format!("it was created with {proxies} proxies"));
        }
        let workload = now.workload(pod);
        if proxies == 0 && self.with_proxy.contains(&workload) {
            tell(format!("created without a sidecar, which pods of {workload} had"));
        }
    }
}

impl Checker for Injection<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        let Some(pod) = change.of::<Pod>().filter(|_| change.kind == ChangeKind::Added) else { return };
        if now.is_loading {
            self.loaded.push(pod.clone());
            return;
        }
        // Owners may be loaded after their pods: only now they are known.
        for pod in std::mem::take(&mut self.loaded).iter().filter(|pod| proxy_of(pod).is_some()) {
            self.with_proxy.insert(now.workload(pod));
        }
        self.created(pod, change.at, now);
        if proxy_of(pod).is_some() {
            self.with_proxy.insert(now.workload(pod));
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
