//! Law 8: nothing is removed while anything needs it.

use std::collections::BTreeSet;

use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{
    ConfigMap, CronJob, DaemonSet, Deployment, Gateway, MutatingWebhookConfiguration, Namespace, Object, Pod,
    Resource, Service, StatefulSet, ValidatingWebhookConfiguration,
};
use meshlift_model::run_report::Violation;
use meshlift_model::tag_objects::DEFAULT_TAG;

use super::shadow::Shadow;
use super::{Checker, few, is_ours, violation};
use crate::admission::injector::is_istiod;
use crate::store::{Change, reference};

const LAW: &str = "8";
/// Kinds of which a revision has objects that its proxies need.
const OF_REVISION: [&str; 5] = [
    MutatingWebhookConfiguration::KIND,
    ValidatingWebhookConfiguration::KIND,
    Deployment::KIND,
    Service::KIND,
    ConfigMap::KIND,
];
/// Value of the label `app` of an istiod's own objects.
const ISTIOD: &str = "istiod";

/// Revisions and tags that were removed while they were needed, each told once.
#[derive(Default)]
pub(super) struct Removal {
    told: BTreeSet<String>,
    found: Vec<Violation>,
}

impl Removal {
    fn tell(&mut self, change: &Change, what: String, needed_by: &[String]) {
        if !needed_by.is_empty() && self.told.insert(what.clone()) {
            let detail = format!("{what} while it was needed by {}", few(needed_by));
            self.found.push(violation(LAW, change.at, reference(&change.new), detail));
        }
    }
}

impl Checker for Removal {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if !is_ours(change, now) {
            return;
        }
        let meta = change.new.meta();
        let revision = meta.label(REV_LABEL).filter(|_| is_of_revision(&change.new));
        match (revision, meta.label(TAG_LABEL)) {
            (_, Some(tag)) if change.is_deletion() && is_webhook(&change.new) => {
                let again = now
                    .list::<MutatingWebhookConfiguration>()
                    .any(|one| one.metadata.label(TAG_LABEL) == Some(tag));
                let followers = if again { Vec::new() } else { followers(now, tag) };
                self.tell(change, format!("tag {tag} was removed"), &followers);
            }
            (Some(revision), None) if change.is_deletion() => {
                let consumers = consumers(now, revision);
                self.tell(change, format!("revision {revision} was removed"), &consumers);
            }
            (Some(revision), None) if is_scaled_to_nothing(change) => {
                // A forgotten follower is refused aloud then: only what runs is needed here.
                let mut consumers = running(now, revision);
                consumers.extend(connections(now, revision));
                self.tell(change, format!("istiod of {revision} was scaled to 0"), &consumers);
            }
            (_, _) => {}
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}

fn is_webhook(object: &Object) -> bool {
    object.info().kind == MutatingWebhookConfiguration::KIND
}

fn is_of_revision(object: &Object) -> bool {
    let kind = object.info().kind;
    let is_istiods = object.meta().label("app") == Some(ISTIOD);
    OF_REVISION.contains(&kind) && (is_istiods || ![Deployment::KIND, Service::KIND].contains(&kind))
}

fn is_scaled_to_nothing(change: &Change) -> bool {
    let replicas = |deployment: &Deployment| deployment.spec.replicas.unwrap_or(1);
    let after = change.of::<Deployment>().map(replicas);
    after == Some(0) && change.before::<Deployment>().map(replicas) != Some(0)
}

/// Whatever runs on a revision or would get it.
pub(super) fn consumers(now: &Shadow, revision: &str) -> Vec<String> {
    let mut all = running(now, revision);
    all.extend(connections(now, revision));
    all.extend(followers(now, revision));
    all
}

fn running(now: &Shadow, revision: &str) -> Vec<String> {
    let runs = |pod: &&Pod| {
        !pod.is_finished() && !is_istiod(pod) && pod.metadata.annotation(REV_LABEL) == Some(revision)
    };
    now.list::<Pod>().filter(runs).map(|pod| pod.object_ref().to_string()).collect()
}

fn connections(now: &Shadow, revision: &str) -> Vec<String> {
    let links = now.links.iter().filter(|(_, to)| to.as_str() == revision);
    links.map(|(pod, _)| format!("{pod} (connected)")).collect()
}

/// Whatever selects a revision by this name.
pub(super) fn followers(now: &Shadow, name: &str) -> Vec<String> {
    let names = |label: Option<&str>| label == Some(name);
    let follows = |one: &&Namespace| match one.metadata.label(INJECTION_LABEL) {
        Some(value) => name == DEFAULT_TAG && value == "enabled",
        None => names(one.metadata.label(REV_LABEL)),
    };
    let mut all: Vec<String> =
        now.list::<Namespace>().filter(follows).map(|one| one.object_ref().to_string()).collect();
    let gateways = now.list::<Gateway>().filter(|one| names(one.metadata.label(REV_LABEL)));
    all.extend(gateways.map(|one| one.object_ref().to_string()));
    let templates = (now.list::<Deployment>().map(|one| (one.object_ref(), &one.spec.template.metadata)))
        .chain(now.list::<StatefulSet>().map(|one| (one.object_ref(), &one.spec.template.metadata)))
        .chain(now.list::<DaemonSet>().map(|one| (one.object_ref(), &one.spec.template.metadata)))
        .chain(
            now.list::<CronJob>()
                .map(|one| (one.object_ref(), &one.spec.job_template.spec.template.metadata)),
        )
        .filter(|(_, meta)| meta.label("app") != Some(ISTIOD) && names(meta.label(REV_LABEL)));
    all.extend(templates.map(|(owner, _)| format!("{owner} (pod template)")));
    all
}
