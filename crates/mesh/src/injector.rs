//! Who injects a pod: the recorded webhooks, evaluated as kube-apiserver evaluates them, then istiod's own
//! skips.
//!
//! Nothing here goes by an object's name: which configurations are Istio's, which revision and tag they
//! stand for, is read from labels, rules and Services.

use std::collections::BTreeMap;

use meshlift_model::defaults::{INJECT_LABEL, INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{
    ConfigMap, Empty, MutatingWebhookConfiguration, Namespace, Rule, StringMap, Webhook,
};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::selector::LabelSelector;

use crate::asked::Asked;
use crate::bare::BarePod;
use crate::control::{ControlPlane, ServiceTarget};
use crate::facts::{Follows, Injection};
use crate::in_order::InOrder;
use crate::index::Index;
use crate::native;
use crate::settings::Settings;

/// Namespaces that istiod leaves alone (istio: pkg/kube/inject/initializer.go, `IgnoredNamespaces`).
const IGNORED_NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// All injection webhooks of a snapshot, in the order in which kube-apiserver calls them.
pub(crate) struct Injectors<'a> {
    pub(crate) index: &'a Index<'a>,
    pub(crate) control: &'a ControlPlane<'a>,
    webhooks: Vec<Injector<'a>>,
    /// Places of the webhooks that are called for pods of a namespace, as far as it decides.
    open: InOrder<&'a str, Vec<usize>>,
    settings: BTreeMap<RevisionName, Settings>,
    nodes_able: Option<bool>,
    doubts: Vec<String>,
    config_doubt: Option<String>,
}

/// One webhook of Istio's.
struct Injector<'a> {
    configuration: &'a MutatingWebhookConfiguration,
    webhook: &'a Webhook,
    follows: Follows,
    /// Revision that answers; absent where nothing tells.
    revision: Option<RevisionName>,
    /// Whether its Service has a ready endpoint; absent where that is not known.
    ready: Option<bool>,
    doubts: Vec<String>,
}

impl<'a> Injectors<'a> {
    pub(crate) fn new(index: &'a Index<'a>, control: &'a ControlPlane<'a>) -> Self {
        let mut configurations: Vec<_> = index
            .snapshot
            .objects
            .mutating_webhooks
            .iter()
            .filter(|configuration| is_istio(configuration))
            .collect();
        configurations.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let webhooks: Vec<_> = configurations
            .into_iter()
            .flat_map(|configuration| {
                configuration.webhooks.iter().map(move |webhook| (configuration, webhook))
            })
            .filter(|(_, webhook)| webhook.rules.iter().any(covers_pods))
            .map(|(configuration, webhook)| Injector::new(configuration, webhook, index, control))
            .collect();
        let deployed = control.deployments.iter().map(|(revision, _)| revision);
        let revisions = webhooks.iter().filter_map(|injector| injector.revision.as_ref()).chain(deployed);
        let settings =
            revisions.map(|revision| (revision.clone(), Settings::of(revision, control, index))).collect();
        let open = index.namespaces().map(|(name, labels)| {
            let open = webhooks.iter().enumerate().filter(|(_, injector)| injector.takes_namespace(labels));
            (name, open.map(|(place, _)| place).collect())
        });
        Self {
            index,
            control,
            open: open.collect(),
            webhooks,
            settings,
            nodes_able: native::nodes_are_able(index),
            doubts: index.doubt::<MutatingWebhookConfiguration>().into_iter().collect(),
            config_doubt: index.doubt::<ConfigMap>(),
        }
    }

    /// Settings of a revision that has webhooks or istiods.
    pub(crate) fn settings(&self, revision: &RevisionName) -> Option<&Settings> {
        self.settings.get(revision)
    }

    /// True if a webhook stands for this name, as a revision or a tag.
    pub(crate) fn serves(&self, name: &str) -> bool {
        self.webhooks.iter().any(|injector| {
            let labels = &injector.configuration.metadata;
            let tag = labels.label(TAG_LABEL);
            tag == Some(name) || (tag.is_none() && labels.label(REV_LABEL) == Some(name))
        })
    }

    /// What a namespace with these labels gives a pod that asks for nothing.
    pub(crate) fn namespace(&self, namespace: &str) -> Follows {
        if IGNORED_NAMESPACES.contains(&namespace) {
            return Follows::Nothing;
        }
        let (labels, _) = self.index.labels_of(namespace);
        let pod_labels = StringMap::new();
        match self.hits(namespace, &pod_labels).last() {
            Some(injector) => injector.follows.clone(),
            None => self.unmatched(&Asked::of(&labels, &pod_labels)),
        }
    }

    /// A selector of a namespace that has no say beside the other one, in words: without it, the same
    /// webhooks match.
    pub(crate) fn ignored_of_namespace(&self, namespace: &str) -> Option<String> {
        let (labels, _) = self.index.labels_of(namespace);
        let (injection, name) = (labels.get(INJECTION_LABEL)?, labels.get(REV_LABEL)?);
        let pod = StringMap::new();
        let hits = names(&self.hits_by_labels(&labels, &pod));
        let hits_without = |key: &str| names(&self.hits_by_labels(&without(&labels, key), &pod));
        if hits_without(REV_LABEL) == hits {
            Some(format!("{REV_LABEL}={name} is ignored: {INJECTION_LABEL}={injection} wins"))
        } else if hits_without(INJECTION_LABEL) == hits {
            Some(format!("{INJECTION_LABEL}={injection} is ignored: {REV_LABEL}={name} wins"))
        } else {
            None
        }
    }

    /// A pod's `istio.io/rev` that has no say, in words: without it, the same webhooks match.
    pub(crate) fn ignored_of_pod(&self, namespace: &str, pod: &StringMap) -> Option<String> {
        let name = pod.get(REV_LABEL)?;
        let (labels, _) = self.index.labels_of(namespace);
        let asked = Asked::of(&labels, pod);
        let hits = |pod: &StringMap| names(&self.hits(namespace, pod));
        let has_say = hits(pod) != hits(&without(pod, REV_LABEL));
        if has_say || asked.is_by_pod() || asked.name() == Some(name) {
            return None;
        }
        Some(format!("its pod label {REV_LABEL}={name} is ignored: {}", asked.phrase(namespace)))
    }

    /// True if the pod's own labels decide: without them other webhooks match, or it asks for a name that
    /// nothing serves in a namespace that asks for none.
    pub(crate) fn is_by_pod(&self, namespace: &str, pod: &StringMap) -> bool {
        let hits = self.hits(namespace, pod);
        if hits.is_empty() {
            return Asked::of(&self.index.labels_of(namespace).0, pod).is_by_pod();
        }
        let others = |key: &str| names(&self.hits(namespace, &without(pod, key))) != names(&hits);
        [REV_LABEL, INJECT_LABEL].iter().any(|key| pod.contains_key(*key) && others(key))
    }

    /// What a pod gets.
    pub(crate) fn inject(&self, pod: &BarePod<'_>) -> Injection {
        let (labels, recorded) = self.index.labels_of(pod.namespace());
        let asked = Asked::of(&labels, pod.labels());
        let mut hits = self.hits(pod.namespace(), pod.labels());
        let mut uncertain = self.doubts.clone();
        if !recorded {
            let doubt = self.index.doubt::<Namespace>();
            uncertain
                .push(doubt.unwrap_or_else(|| format!("namespace {} was not recorded", pod.namespace())));
        }
        let Some(injector) = hits.pop() else {
            let follows = self.unmatched(&asked);
            let why = asked.without_webhook(pod.namespace(), &follows);
            return Injection { follows, uncertain, ..Injection::nothing(why) };
        };
        uncertain.extend(hits.iter().chain([&injector]).flat_map(|hit| hit.doubts.clone()));
        let also = hits.iter().map(|hit| hit.name()).collect();
        let mut injection = self.called(injector, pod, &asked);
        if injection.revision.is_some() {
            uncertain.extend(self.config_doubt.clone());
        }
        injection.also = also;
        injection.uncertain = uncertain;
        injection
    }

    /// What the injector that is called last makes of a pod.
    fn called(&self, injector: &Injector<'_>, pod: &BarePod<'_>, asked: &Asked) -> Injection {
        let settings = injector.revision.as_ref().and_then(|revision| self.settings.get(revision));
        let skipped = if pod.host_network() {
            Some("it uses its node's network: istiod does not inject it".to_owned())
        } else if IGNORED_NAMESPACES.contains(&pod.namespace()) {
            Some(format!("istiod leaves namespace {} alone", pod.namespace()))
        } else {
            settings.and_then(|settings| settings.refusal(pod.labels(), pod.annotation(INJECT_LABEL)))
        };
        let (configuration, webhook) = injector.name();
        let called = format!("{}; {webhook} of {configuration}", asked.phrase(pod.namespace()));
        let nothing = |why: String| Injection {
            webhook: Some(injector.name()),
            follows: Follows::Nothing,
            ..Injection::nothing(why)
        };
        if let Some(why) = skipped {
            return nothing(format!("{called} matches, but {why}"));
        }
        let Some(revision) = injector.revision.clone() else {
            return nothing(format!("{called} matches, but nothing tells which revision it calls"));
        };
        let fails = injector.ready == Some(false);
        if fails && injector.webhook.failure_policy == "Ignore" {
            let why =
                format!("{called} matches, but {revision} has no ready istiod and the failure is ignored");
            return Injection { follows: injector.follows.clone(), ..nothing(why) };
        }
        let refused = if fails { ", which has no ready istiod: the pod would be refused" } else { "" };
        Injection {
            why: format!("{called} calls {revision}{refused}"),
            native: settings.and_then(|settings| native::is_native(settings, pod, self.nodes_able)),
            revision: Some(revision),
            webhook: Some(injector.name()),
            follows: injector.follows.clone(),
            refused: fails,
            also: Vec::new(),
            uncertain: Vec::new(),
        }
    }

    /// Webhooks that are called for a pod of a namespace.
    fn hits(&self, namespace: &str, pod: &StringMap) -> Vec<&Injector<'a>> {
        let Some(open) = self.open.get(namespace) else {
            return self.hits_by_labels(&self.index.labels_of(namespace).0, pod);
        };
        open.iter().map(|place| &self.webhooks[*place]).filter(|one| one.takes_pod(pod)).collect()
    }

    /// Webhooks that would be called for a pod of a namespace with these labels.
    fn hits_by_labels(&self, namespace: &StringMap, pod: &StringMap) -> Vec<&Injector<'a>> {
        let hits = self.webhooks.iter().filter(|one| one.takes_namespace(namespace) && one.takes_pod(pod));
        hits.collect()
    }

    fn unmatched(&self, asked: &Asked) -> Follows {
        match asked.name() {
            // A name that has webhooks which were edited to match something else selects nothing here.
            Some(name) if !self.serves(name) => Follows::Unserved { name: name.to_owned() },
            Some(_) | None => Follows::Nothing,
        }
    }
}

impl<'a> Injector<'a> {
    fn new(
        configuration: &'a MutatingWebhookConfiguration,
        webhook: &'a Webhook,
        index: &Index<'a>,
        control: &ControlPlane<'a>,
    ) -> Self {
        let labelled = configuration.metadata.label(REV_LABEL).map(RevisionName::new);
        let mut doubts = Vec::new();
        let (mut revision, mut ready) = (labelled.clone(), None);
        if let Some(service) = &webhook.client_config.service {
            let place = format!("Service {}/{}", service.namespace, service.name);
            match control.target(index, &service.namespace, &service.name) {
                ServiceTarget::Revision(called) => {
                    if labelled.as_ref().is_some_and(|labelled| *labelled != called) {
                        doubts.push(format!(
                            "{} is labelled for {} but calls {called}",
                            configuration.metadata.name,
                            labelled.as_ref().map_or("", RevisionName::as_str),
                        ));
                    }
                    revision = Some(called);
                }
                ServiceTarget::Several(several) => {
                    let names: Vec<&str> = several.iter().map(RevisionName::as_str).collect();
                    doubts.push(format!("{place} leads to istiods of {}", names.join(" and ")));
                }
                ServiceTarget::Nothing | ServiceTarget::NoService => {}
            }
            ready = control.is_ready(index, &service.namespace, &service.name);
            if ready.is_none() {
                doubts.push(format!("whether {place} has ready endpoints was not read"));
            }
        } else {
            let name = &configuration.metadata.name;
            doubts.push(format!(
                "{name} calls {}, outside of this cluster's Services",
                webhook.client_config.url
            ));
        }
        if !webhook.match_conditions.is_empty() {
            let names: Vec<&str> = webhook.match_conditions.iter().map(|one| one.name.as_str()).collect();
            doubts.push(format!(
                "{} has matchConditions ({})",
                configuration.metadata.name,
                names.join(", ")
            ));
        }
        let follows = match (configuration.metadata.label(TAG_LABEL), &labelled, &revision) {
            (Some(tag), _, _) => Follows::Tag { tag: TagName::new(tag) },
            (None, Some(name), _) | (None, None, Some(name)) => Follows::Revision { revision: name.clone() },
            (None, None, None) => Follows::Nothing,
        };
        Self { configuration, webhook, follows, revision, ready, doubts }
    }

    fn takes_namespace(&self, labels: &StringMap) -> bool {
        takes(self.webhook.namespace_selector.as_ref(), labels)
    }

    fn takes_pod(&self, labels: &StringMap) -> bool {
        takes(self.webhook.object_selector.as_ref(), labels)
    }

    fn name(&self) -> (String, String) {
        (self.configuration.metadata.name.clone(), self.webhook.name.clone())
    }
}

impl Injection {
    /// No sidecar, for a reason.
    pub(crate) fn nothing(why: String) -> Self {
        Self { why, ..Self::EMPTY.clone() }
    }
}

impl Empty for Injection {
    const EMPTY: &'static Self = &Self {
        revision: None,
        webhook: None,
        follows: Follows::Nothing,
        why: String::new(),
        also: Vec::new(),
        uncertain: Vec::new(),
        refused: false,
        native: None,
    };
}

/// True if a selector takes these labels; without one, any are taken.
fn takes(selector: Option<&LabelSelector>, labels: &StringMap) -> bool {
    selector.is_none_or(|selector| selector.matches(labels))
}

/// Configurations and webhooks of injectors.
fn names<'i>(injectors: &[&'i Injector<'_>]) -> Vec<(&'i str, &'i str)> {
    let name = |one: &&'i Injector<'_>| (one.configuration.metadata.name.as_str(), one.webhook.name.as_str());
    injectors.iter().map(name).collect()
}

fn without(labels: &StringMap, key: &str) -> StringMap {
    let mut labels = labels.clone();
    labels.remove(key);
    labels
}

/// True for configurations of Istio's: by label, or by a webhook's name.
pub(crate) fn is_istio(configuration: &MutatingWebhookConfiguration) -> bool {
    configuration.metadata.labels.contains_key(REV_LABEL)
        || configuration.webhooks.iter().any(|webhook| webhook.name.ends_with("istio.io"))
}

/// True if a rule covers the creation of pods.
fn covers_pods(rule: &Rule) -> bool {
    let has =
        |values: &[String], wanted: &[&str]| values.iter().any(|value| wanted.contains(&value.as_str()));
    has(&rule.operations, &["CREATE", "*"])
        && has(&rule.api_groups, &["", "*"])
        && has(&rule.api_versions, &["v1", "*"])
        && has(&rule.resources, &["pods", "*", "*/*"])
        && rule.scope != "Cluster"
}
