//! What pods ask for together.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Pod, StringMap};
use meshlift_model::quantity::{Ask, named, of_pod, thousandths};

/// What a pod, or several, ask for: a count of pods and thousandths by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    /// Pods.
    pub(crate) pods: i128,
    /// Thousandths by resource name.
    pub(crate) resources: BTreeMap<String, i128>,
}

impl Requests {
    /// What the scheduler counts for a pod.
    pub(crate) fn of_pod(pod: &Pod) -> Self {
        Self { pods: 1, resources: asked(pod, Ask::Requests) }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.pods += other.pods;
        for (name, milli) in &other.resources {
            *self.resources.entry(name.clone()).or_default() += milli;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.pods -= other.pods;
        for (name, milli) in &other.resources {
            *self.resources.entry(name.clone()).or_default() -= milli;
        }
    }

    /// True if `asked` fits beside this into `allocatable`; what is not listed there is not limited.
    pub(crate) fn leaves_room_for(&self, asked: &Self, allocatable: &StringMap) -> bool {
        let limit = |name: &str| allocatable.get(name).and_then(|text| thousandths(text));
        let pods_fit = limit("pods").is_none_or(|milli| (self.pods + asked.pods) * 1000 <= milli);
        pods_fit
            && asked.resources.iter().all(|(name, milli)| {
                let used = self.resources.get(name).copied().unwrap_or(0);
                limit(name).is_none_or(|limit| used + milli <= limit)
            })
    }
}

/// Thousandths of all that a pod asks for, by resource.
pub(crate) fn asked(pod: &Pod, ask: Ask) -> BTreeMap<String, i128> {
    let named = named(&pod.spec, ask).into_iter();
    named.map(|name| (name.to_owned(), of_pod(&pod.spec, ask, name))).collect()
}
