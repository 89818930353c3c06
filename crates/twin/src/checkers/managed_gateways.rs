//! Gateways that istiod manages itself: the twin does not roll them, so a write that would roll one is said.

use std::collections::BTreeSet;

use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{Gateway, MutatingWebhookConfiguration, Namespace, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;

use super::shadow::Shadow;
use super::{Checker, is_ours, violation};
use crate::store::{Change, reference};

/// What stands where a law's number would.
const LAW: &str = "not modelled";

/// A moved tag, a relabelled namespace or a relabelled Gateway rolls managed Gateways in place.
#[derive(Default)]
pub(super) struct ManagedGateways {
    told: BTreeSet<ObjectRef>,
    found: Vec<Violation>,
}

/// Gateways that a change rolls.
fn rolled<'a>(change: &Change, now: &'a Shadow) -> Vec<&'a Gateway> {
    if let Some(tag) = change.of::<MutatingWebhookConfiguration>() {
        let old = change.before::<MutatingWebhookConfiguration>();
        let old = old.and_then(|old| old.metadata.label(REV_LABEL));
        let name = tag.metadata.label(TAG_LABEL);
        let moves = name.is_some() && old.is_some() && old != tag.metadata.label(REV_LABEL);
        return now.list::<Gateway>().filter(|one| moves && follows(now, one) == name).collect();
    }
    if let (Some(old), Some(new)) = (change.before::<Namespace>(), change.of::<Namespace>()) {
        let moves = old.metadata.label(REV_LABEL) != new.metadata.label(REV_LABEL);
        let here = |one: &&Gateway| {
            moves && one.metadata.namespace == new.metadata.name && one.metadata.label(REV_LABEL).is_none()
        };
        return now.list::<Gateway>().filter(here).collect();
    }
    let (Some(old), Some(new)) = (change.before::<Gateway>(), change.of::<Gateway>()) else {
        return Vec::new();
    };
    let moves = old.metadata.label(REV_LABEL) != new.metadata.label(REV_LABEL);
    now.list::<Gateway>().filter(|one| moves && one.metadata.uid == new.metadata.uid).collect()
}

/// The name that a Gateway follows: its own label, else its namespace's.
fn follows<'a>(now: &'a Shadow, gateway: &'a Gateway) -> Option<&'a str> {
    let namespace = ObjectRef::cluster(Namespace::KIND, &gateway.metadata.namespace);
    let of_namespace = || {
        let meta = now.object(&namespace)?.meta();
        meta.label(REV_LABEL).filter(|_| meta.label(INJECTION_LABEL).is_none())
    };
    gateway.metadata.label(REV_LABEL).or_else(of_namespace)
}

impl Checker for ManagedGateways {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if !is_ours(change, now) {
            return;
        }
        for gateway in rolled(change, now) {
            let subject = gateway.object_ref();
            if self.told.insert(subject.clone()) {
                let detail = format!("would be rolled in place by the change of {}", reference(&change.new));
                self.found.push(violation(LAW, change.at, subject, detail));
            }
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
