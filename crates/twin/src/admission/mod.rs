//! Admission of pods: the recorded webhooks, called as kube-apiserver calls them.
//!
//! Which webhook is called follows from the webhook objects alone: configurations in order of name, webhooks
//! in order of their list, each by its rules and selectors
//! (`k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go`). Who answers follows from the
//! Service that the webhook names and the ready pods behind it; an istiod answers as [`injector`] says.

pub mod injector;
mod stored_quantity;

pub(crate) use stored_quantity::stored;

use std::cell::RefCell;
use std::rc::Rc;

use meshlift_model::k8s::{MutatingWebhookConfiguration, Namespace, ObjectMeta, Pod, Service, Webhook};
use meshlift_model::names::RevisionName;
use meshlift_model::selector::LabelSelector;
use meshlift_model::time::Time;

use crate::cluster::{Admission, Rejected};
use crate::store::Store;
use injector::{Answer, Injector};

/// Seconds that the API server waits for a webhook that does not say (`admissionregistration.k8s.io/v1`).
const WEBHOOK_TIMEOUT_SECONDS: i32 = 10;
/// Port of a webhook's Service where it does not say.
const WEBHOOK_PORT: i32 = 443;

/// The mutating webhooks of the store, called for every pod that is created.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    /// Where each review is told, if anybody wants to know.
    told: Option<Rc<RefCell<Vec<Review>>>>,
}

/// What the webhooks did to a pod that was to be created; dry runs count too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// When.
    pub at: Time,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// What each webhook did, in order.
    pub calls: Vec<Call>,
}

impl Webhooks {
    /// Webhooks that tell what they did.
    #[must_use]
    pub fn telling(told: Rc<RefCell<Vec<Review>>>) -> Self {
        Self { told: Some(told) }
    }
}

/// What one webhook did to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Configuration that holds the webhook.
    pub configuration: String,
    /// Name of the webhook.
    pub webhook: String,
    /// Revision of the istiod that injected; absent where it let the pod pass as it was.
    pub injected_by: Option<RevisionName>,
    /// Why the answer may differ from a real one; empty where the model is complete.
    pub not_modelled: String,
}

impl Admission for Webhooks {
    fn admit(&mut self, store: &Store, pod: Pod) -> Result<Pod, Rejected> {
        let (pod, calls) = review(store, pod)?;
        if let Some(told) = &self.told {
            let ObjectMeta { namespace, name, .. } = &pod.metadata;
            let review =
                Review { at: store.now(), namespace: namespace.to_string(), pod: name.clone(), calls };
            told.borrow_mut().push(review);
        }
        Ok(pod)
    }
}

/// The pod as the webhooks leave it, and what each of them did.
///
/// # Errors
/// Where a webhook with `failurePolicy: Fail` cannot be called, in the words of kube-apiserver.
pub fn review(store: &Store, mut pod: Pod) -> Result<(Pod, Vec<Call>), Rejected> {
    let namespace = namespace_of(store, &pod.metadata.namespace);
    let mut calls: Vec<Call> = Vec::new();
    let mut again: Vec<(&MutatingWebhookConfiguration, &Webhook)> = Vec::new();
    for configuration in store.list_all::<MutatingWebhookConfiguration>() {
        for webhook in &configuration.webhooks {
            if !webhook.wants(&namespace, &pod) {
                continue;
            }
            let before = pod.clone();
            calls.extend(call(store, configuration, webhook, &mut pod)?);
            if pod != before {
                // What ran before this change may ask to be called once more.
                for (configuration, webhook) in std::mem::take(&mut again) {
                    calls.extend(call(store, configuration, webhook, &mut pod)?);
                }
            }
            if webhook.reinvocation_policy == "IfNeeded" {
                again.push((configuration, webhook));
            }
        }
    }
    Ok((pod, calls))
}

/// A namespace with the label that the API server gives it.
pub(crate) fn namespace_of(store: &Store, name: &str) -> Namespace {
    let mut namespace = store.get::<Namespace>("", name).cloned().unwrap_or_default();
    namespace.metadata.name = name.to_owned();
    namespace.labelled_with_its_name()
}

/// Calls one webhook; nothing where it could not be called and may be ignored.
fn call(
    store: &Store,
    configuration: &MutatingWebhookConfiguration,
    webhook: &Webhook,
    pod: &mut Pod,
) -> Result<Option<Call>, Rejected> {
    let mut record = Call {
        configuration: configuration.metadata.name.clone(),
        webhook: webhook.name.clone(),
        injected_by: None,
        not_modelled: String::new(),
    };
    if !webhook.match_conditions.is_empty() {
        record.not_modelled = "its matchConditions are taken for true".to_owned();
    }
    let server = match server(store, webhook) {
        Ok(server) => server,
        Err(why) => return refused_or_ignored(webhook, &why),
    };
    match server {
        Server::Istiod(istiod) => match Injector::of_istiod(store, istiod).inject(store, pod) {
            Answer::Injected(revision) => record.injected_by = Some(revision),
            Answer::Skipped => {}
        },
        Server::Other => record.not_modelled = "what this webhook does to pods is not known".to_owned(),
        Server::Outside => record.not_modelled = "an injector outside of the cluster".to_owned(),
    }
    Ok(Some(record))
}

fn refused_or_ignored(webhook: &Webhook, why: &str) -> Result<Option<Call>, Rejected> {
    if webhook.failure_policy == "Ignore" {
        return Ok(None);
    }
    let name = &webhook.name;
    Err(Rejected { message: format!("Internal error occurred: failed calling webhook {name:?}: {why}") })
}

/// Who answers a webhook.
enum Server<'a> {
    /// An istiod.
    Istiod(&'a Pod),
    /// Something else in the cluster.
    Other,
    /// Something that is reached by URL.
    Outside,
}

/// Who answers, or why nobody does, in the words of kube-apiserver
/// (`k8s.io/apiserver/pkg/util/proxy/proxy.go`, `ResolveEndpoint`).
fn server<'a>(store: &'a Store, webhook: &Webhook) -> Result<Server<'a>, String> {
    let Some(target) = &webhook.client_config.service else { return Ok(Server::Outside) };
    let port = target.port.unwrap_or(WEBHOOK_PORT);
    let seconds = webhook.timeout_seconds.unwrap_or(WEBHOOK_TIMEOUT_SECONDS);
    let url =
        format!("https://{}.{}.svc:{port}{}?timeout={seconds}s", target.name, target.namespace, target.path);
    let failed = |why: String| format!("failed to call webhook: Post {url:?}: {why}");
    let Some(service) = store.get::<Service>(&target.namespace, &target.name) else {
        return Err(failed(format!("service {:?} not found", target.name)));
    };
    if service.spec.selector.is_empty() {
        return Ok(Server::Outside);
    }
    let selector = LabelSelector::of_labels(&service.spec.selector);
    let behind = store
        .list::<Pod>(&target.namespace)
        .find(|pod| serves(pod) && selector.matches(&pod.metadata.labels));
    match behind {
        Some(pod) if injector::is_istiod(pod) => Ok(Server::Istiod(pod)),
        Some(_) => Ok(Server::Other),
        None => Err(failed(format!("no endpoints available for service {:?}", target.name))),
    }
}

fn serves(pod: &Pod) -> bool {
    pod.is_ready() && !pod.is_finished() && pod.metadata.deletion_timestamp.is_none()
}
