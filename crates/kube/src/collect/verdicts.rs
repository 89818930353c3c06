//! What validators say to the mesh's configuration. Where istiods of several revisions run, one is to take over from
//! another: each is asked for every object what it would say if somebody applied it today. Nothing is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use kube::Client;
use kube::core::ObjectList;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::k8s::{Pod, Rule, ValidatingWebhookConfiguration, Webhook, has_all};
use meshlift_model::names::ObjectRef;
use meshlift_model::outline::is_of_istio;
use meshlift_model::snapshot::{SourceStatus, VALIDATOR};
use meshlift_snapshot::live::Gathered;
use serde_json::Value;
use tokio::time::Instant;

use super::Progress;
use super::list::{self, Reader};
use super::request::{Question, get};
use super::wanted::{Wanted, wanted};
use crate::istiods::{Istiods, is_running_istiod};
use crate::line::Line;
use crate::webhook::{Called, review};

/// Time for all objects of a kind, lists and answers.
const KIND_SECONDS_MAX: u64 = 120;
/// Longest part of a refusal that is kept.
const WORDS_MAX: usize = 500;

/// An istiod that is asked.
struct Asked {
    pod: Pod,
    webhook: Webhook,
    /// Absent once it gave no answer.
    way: Option<(Called, Line)>,
    refusals: BTreeMap<ObjectRef, String>,
    status: SourceStatus,
}

/// Asks one istiod of each revision, where there are several; answers and statuses go where the others of that pod are.
pub(super) async fn ask(
    istiods: &Istiods,
    reader: &Reader,
    gathered: &mut Gathered,
    progress: &mut dyn FnMut(&Progress),
) {
    let validators = validators(gathered);
    let revisions: BTreeSet<&str> = validators.iter().map(|(pod, _)| revision(pod)).collect();
    if revisions.len() < 2 {
        return;
    }
    let mut asked = join_all(validators.into_iter().map(async |(pod, webhook)| {
        let (way, status) = match istiods.validator(&pod, &webhook).await {
            Ok(way) => (Some(way), SourceStatus::Read { count: 0 }),
            Err(status) => (None, status),
        };
        Asked { pod, webhook, way, refusals: BTreeMap::new(), status }
    }))
    .await;
    let filled =
        |wanted: &Wanted| matches!(gathered.lists.get(wanted.resource), Some(Ok(list)) if list.items() > 0);
    for wanted in
        wanted().iter().filter(|wanted| is_of_istio(&format!("{}/", wanted.group())) && filled(wanted))
    {
        let judged = judge_kind(&mut asked, reader, wanted, progress).await;
        if let Err(status) = judged {
            asked.iter_mut().for_each(|one| one.give_up(status.clone()));
        }
    }
    for one in asked {
        progress(&one.progress(true));
        let outcome = gathered.istiods.entry(one.pod.metadata.name.clone()).or_default();
        if matches!(one.status, SourceStatus::Read { .. }) {
            outcome.answers.refusals = Some(one.refusals);
        }
        outcome.statuses.insert(VALIDATOR, one.status);
    }
}

fn revision(pod: &Pod) -> &str {
    pod.metadata.label(REV_LABEL).unwrap_or_default()
}

/// A running istiod of each revision, with the webhook by which the API server would ask it.
fn validators(gathered: &Gathered) -> Vec<(Pod, Webhook)> {
    let configurations: Vec<&ValidatingWebhookConfiguration> =
        gathered.objects().flat_map(|objects| &objects.validating_webhooks).collect();
    let services: Vec<_> = gathered.objects().flat_map(|objects| &objects.services).collect();
    let mut found: BTreeMap<String, (Pod, Webhook)> = BTreeMap::new();
    for webhook in configurations.iter().flat_map(|one| &one.webhooks) {
        let Some(target) = &webhook.client_config.service else { continue };
        let service = services.iter().find(|service| {
            service.metadata.name == target.name && service.metadata.namespace == target.namespace
        });
        let Some(selector) = service.map(|service| &service.spec.selector) else { continue };
        let behind = |pod: &&Pod| {
            is_running_istiod(pod)
                && pod.is_ready()
                && pod.metadata.namespace == target.namespace
                && has_all(&pod.metadata.labels, selector)
        };
        let pods = gathered.objects().flat_map(|objects| &objects.pods);
        if let Some(pod) = pods.filter(behind).min_by_key(|pod| &pod.metadata.name) {
            found.entry(revision(pod).to_owned()).or_insert_with(|| (pod.clone(), webhook.clone()));
        }
    }
    found.into_values().collect()
}

/// Lists a kind once more, whole this time, and shows each object to each istiod.
async fn judge_kind(
    asked: &mut [Asked],
    reader: &Reader,
    wanted: &Wanted,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(), SourceStatus> {
    let deadline = Instant::now() + Duration::from_secs(KIND_SECONDS_MAX);
    let place = reader.place(wanted)?;
    let mut next = String::new();
    loop {
        let path = list::page_path(&place, reader.page, &next);
        let bytes = answer(&reader.client, &path, deadline, wanted).await?;
        let page: ObjectList<Value> = serde_json::from_slice(&bytes).map_err(|error| {
            SourceStatus::Broken { reason: format!("{place} cannot be understood ({error})") }
        })?;
        join_all(asked.iter_mut().map(|one| one.judge(wanted, &page.items, deadline))).await;
        asked.iter().for_each(|one| progress(&one.progress(false)));
        next = page.metadata.continue_.unwrap_or_default();
        if next.is_empty() {
            return Ok(());
        }
    }
}

async fn answer(
    client: &Client,
    path: &str,
    deadline: Instant,
    wanted: &Wanted,
) -> Result<Vec<u8>, SourceStatus> {
    let question = Question { path, accept: list::OBJECTS, deadline, patient: true };
    get(client, &question).await.map_err(|why| list::status(why, Some(wanted.permission())))
}

impl Asked {
    /// How many objects it was shown so far.
    fn progress(&self, ended: bool) -> Progress {
        let items = if let SourceStatus::Read { count } = self.status { count } else { 0 };
        Progress { source: format!("istiod/{}/{VALIDATOR}", self.pod.metadata.name), items, ended }
    }

    fn give_up(&mut self, status: SourceStatus) {
        self.way = None;
        self.status = status;
    }

    async fn judge(&mut self, wanted: &Wanted, objects: &[Value], deadline: Instant) {
        if !self.webhook.rules.iter().any(|rule| covers(rule, wanted)) {
            return;
        }
        for object in objects {
            let Some((called, line)) = &mut self.way else { return };
            let label = object.pointer("/metadata/labels/istio.io~1rev").and_then(Value::as_str);
            // Whoever is to see only this label's objects does not see the others.
            if label.is_some_and(|label| label != revision(&self.pod)) {
                continue;
            }
            let said = if Instant::now() < deadline {
                called
                    .review(line, &review(wanted.plural(), object))
                    .await
                    .and_then(|review| verdict(&review))
            } else {
                Err(format!("{} took longer than {KIND_SECONDS_MAX} s", wanted.resource))
            };
            match said {
                Ok(refusal) => {
                    if let SourceStatus::Read { count } = &mut self.status {
                        *count += 1;
                    }
                    self.refusals.extend(refusal.map(|words| (reference(object), words)));
                }
                Err(reason) => self.give_up(SourceStatus::Broken { reason }),
            }
        }
    }
}

/// True if the API server would ask a webhook with this rule.
fn covers(rule: &Rule, wanted: &Wanted) -> bool {
    let among = |list: &[String], one: &str| list.iter().any(|item| item == "*" || item == one);
    among(&rule.api_groups, wanted.group())
        && among(&rule.resources, wanted.plural())
        && among(&rule.operations, "CREATE")
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn reference(object: &Value) -> ObjectRef {
    ObjectRef::new(text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name"))
}

/// The words of a refusal; absent where the object is allowed.
fn verdict(review: &Value) -> Result<Option<String>, String> {
    match review.pointer("/response/allowed").and_then(Value::as_bool) {
        Some(true) => Ok(None),
        Some(false) => {
            let words = text(review, "/response/status/message");
            let words = if words.is_empty() { "it gave no reason" } else { words };
            Ok(Some(words.chars().take(WORDS_MAX).collect()))
        }
        None => Err("its answer to an AdmissionReview holds no verdict".to_owned()),
    }
}
