//! Law 7, ahead of restarts: after each change of a namespace's labels or of a webhook, every injected pod would
//! come back with one injector, if it would have before; and no namespace carries both labels for a moment.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL};
use meshlift_model::k8s::{MutatingWebhookConfiguration, Namespace, Pod, Resource, Webhook};
use meshlift_model::run_report::Violation;

use super::shadow::Shadow;
use super::{Checker, is_ours, violation};
use crate::admission::injector::{status_of, strip};
use crate::store::{Change, reference};

const LAW: &str = "7";
/// Ending of the names of injection webhooks.
const INJECTOR: &str = "sidecar-injector.istio.io";

/// Namespaces and webhooks that decide on injection.
#[derive(Default)]
pub(super) struct Selectors {
    namespaces: BTreeMap<String, Namespace>,
    webhooks: BTreeMap<String, Vec<Webhook>>,
    /// Namespaces that had both labels when the twin was loaded.
    both_before: BTreeSet<String>,
    found: Vec<Violation>,
}

impl Selectors {
    /// How many would inject the pod.
    fn count(&self, pod: &Pod) -> usize {
        let Some(namespace) = self.namespaces.get(pod.metadata.namespace.as_str()) else { return 0 };
        self.webhooks.values().flatten().filter(|webhook| webhook.wants(namespace, pod)).count()
    }

    fn take(&mut self, change: &Change) {
        if let Some(namespace) = change.of::<Namespace>() {
            let name = namespace.metadata.name.clone();
            if change.is_deletion() {
                self.namespaces.remove(&name);
            } else {
                self.namespaces.insert(name, namespace.clone().labelled_with_its_name());
            }
        } else if let Some(configuration) = change.of::<MutatingWebhookConfiguration>() {
            let injects = |webhook: &&Webhook| webhook.name.ends_with(INJECTOR);
            let webhooks = configuration.webhooks.iter().filter(injects).cloned().collect();
            let webhooks = if change.is_deletion() { Vec::new() } else { webhooks };
            self.webhooks.insert(configuration.metadata.name.clone(), webhooks);
        }
    }

    fn two_labels(&mut self, namespace: &Namespace, change: &Change, now: &Shadow) {
        let had = change.before::<Namespace>().is_some_and(has_both);
        let name = &namespace.metadata.name;
        if now.is_loading {
            self.both_before.extend(has_both(namespace).then(|| name.clone()));
        } else if is_ours(change, now) && has_both(namespace) && !had && !self.both_before.contains(name) {
            let detail = format!("was given {INJECTION_LABEL} and {REV_LABEL} at once");
            self.found.push(violation(LAW, change.at, namespace.object_ref(), detail));
        }
    }
}

fn has_both(namespace: &Namespace) -> bool {
    let meta = &namespace.metadata;
    meta.label(INJECTION_LABEL).is_some() && meta.label(REV_LABEL).is_some()
}

impl Checker for Selectors {
    fn change(&mut self, change: &Change, now: &Shadow) {
        let namespace = change.of::<Namespace>();
        if namespace.is_none() && change.of::<MutatingWebhookConfiguration>().is_none() {
            return;
        }
        if let Some(namespace) = namespace {
            self.two_labels(namespace, change, now);
        }
        if !is_ours(change, now) {
            self.take(change);
            return;
        }
        let concerned = |pod: &&Pod| {
            status_of(pod).is_some()
                && namespace.is_none_or(|one| one.metadata.name == pod.metadata.namespace)
        };
        let pods: Vec<(&Pod, Pod)> = now.living().filter(concerned).map(|pod| (pod, strip(pod))).collect();
        let before: Vec<usize> = pods.iter().map(|(_, bare)| self.count(bare)).collect();
        self.take(change);
        for ((pod, bare), before) in pods.iter().zip(before) {
            let after = self.count(bare);
            if before != 1 || after == 1 {
                continue;
            }
            let what = match after {
                0 => "would come back without a sidecar".to_owned(),
                many => format!("would get {many} injectors"),
            };
            let detail = format!("{what} after the change of {}", reference(&change.new));
            self.found.push(violation(LAW, change.at, pod.object_ref(), detail));
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
