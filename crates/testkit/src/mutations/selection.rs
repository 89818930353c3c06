//! ML2xxx: who selects what, and what a restart would give.

use meshlift_model::k8s::{
    Deployment, Gateway, MatchCondition, MutatingWebhookConfiguration, Namespace, ObjectMeta, Resource,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::{Ambient, Sidecars, TwoRevisions};
use super::Mutation;
use crate::edit::{object, pods_of, with_specs};

const WEB: &str = "Namespace/web";
const BFF: &str = "Deployment/web/bff";
const REV: &str = "istio.io/rev";
const INJECTION: &str = "istio-injection";
const INJECT: &str = "sidecar.istio.io/inject";
const ARGO: &str = "argocd.argoproj.io/tracking-id";
const TAG: &str = "istio-revision-tag-prod-stable";
const INJECTOR: &str = "istio-sidecar-injector-1-29-6";
const STATUS: &str = "sidecar.istio.io/status";

pub(super) fn mutations() -> Vec<Mutation> {
    [names(), templates(), injectors()].concat()
}

fn names() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML2001", Sidecars, WEB),
            |s, _| label(s, "web", INJECTION, Some("enabled")),
            |s, _| label(s, "web", REV, Some("prod-stable")),
        ),
        Mutation::new(
            ("ML2002", Sidecars, WEB),
            |s, _| label(s, "web", REV, Some("prod-canery")),
            |s, _| label(s, "web", REV, Some("prod-stable")),
        ),
        Mutation::new(
            ("ML2003", Sidecars, "Namespace/new-team"),
            |s, _| new_namespace(s, REV, "1-27-3"),
            |s, _| new_namespace(s, REV, "prod-stable"),
        ),
        Mutation::new(
            ("ML2004", Sidecars, WEB),
            |s, _| label(s, "web", REV, Some("1-29-6")),
            |s, _| label(s, "web", REV, Some("prod-stable")),
        ),
        Mutation::new(
            ("ML2006", Sidecars, WEB),
            |s, _| {
                bare(s);
                label(s, "web", REV, None);
                label(s, "web", "istio.io/dataplane-mode", Some("ambient"));
            },
            |s, _| {
                bare(s);
                label(s, "web", REV, None);
                label(s, "web", "istio.io/dataplane-mode", Some("none"));
            },
        ),
        Mutation::new(
            ("ML2013", Sidecars, WEB),
            |s, _| annotate::<Namespace>(s, "web", ARGO),
            |s, _| annotate::<Namespace>(s, "web", "argocd.argoproj.io/sync-wave"),
        ),
        Mutation::new(
            ("ML2013", Sidecars, "Tag/prod-stable"),
            |s, _| annotate::<MutatingWebhookConfiguration>(s, TAG, ARGO),
            |s, _| annotate::<MutatingWebhookConfiguration>(s, INJECTOR, ARGO),
        ),
        Mutation::new(
            ("ML2013", Ambient, "Gateway/edge/public"),
            |s, _| annotate::<Gateway>(s, "edge/public", ARGO),
            |s, _| annotate::<Deployment>(s, "edge/public-istio", ARGO),
        ),
        Mutation::new(
            ("ML2009", TwoRevisions, WEB),
            |s, _| carry(s, "1-30-3", "1.30.3"),
            |s, _| carry(s, "1-29-6", "1.29.6"),
        ),
    ]
}

fn templates() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML2005", Sidecars, BFF),
            |s, _| {
                label(s, "web", REV, None);
                template_label(s, REV, "prod-stable");
            },
            |s, _| {
                with_specs(s, "web/bff", |meta, _| drop(meta.annotations.insert(REV.into(), "1-29-6".into())))
            },
        ),
        Mutation::new(
            ("ML2007", Sidecars, BFF),
            |s, _| template_label(s, INJECT, "false"),
            |s, _| template_label(s, INJECT, "true"),
        ),
        Mutation::new(
            ("ML2008", Sidecars, BFF),
            |s, _| bare(s),
            |s, _| {
                bare(s);
                template_label(s, INJECT, "false");
            },
        ),
        Mutation::new(
            ("ML2012", Sidecars, BFF),
            |s, _| template_label(s, REV, "prod-stable"),
            |s, _| template_label(s, "app.kubernetes.io/version", "prod-stable"),
        ),
    ]
}

fn injectors() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML2010", Sidecars, BFF),
            |s, _| twin(s, "prod-canary"),
            |s, _| {
                twin(s, "prod-canary");
                let twin = s.objects.mutating_webhooks.last_mut();
                twin.into_iter().flat_map(|twin| &mut twin.webhooks).for_each(|webhook| {
                    let selector = webhook.namespace_selector.get_or_insert_default();
                    selector.match_labels.insert("team".into(), "nobody".into());
                });
            },
        ),
        Mutation::new(
            ("ML2011", Sidecars, WEB),
            |s, _| {
                let webhooks = s.objects.mutating_webhooks.iter_mut().flat_map(|one| &mut one.webhooks);
                webhooks.for_each(|webhook| webhook.match_conditions = vec![not_on_sundays()]);
            },
            |s, _| {
                let webhooks = s.objects.validating_webhooks.iter_mut().flat_map(|one| &mut one.webhooks);
                webhooks.for_each(|webhook| webhook.match_conditions = vec![not_on_sundays()]);
            },
        ),
        Mutation::new(
            ("ML2006", Ambient, "Namespace/streams"),
            |s, _| {
                let pods = s.objects.pods.iter_mut().filter(|pod| pod.metadata.namespace == "streams");
                pods.for_each(|pod| drop(pod.metadata.annotations.remove("ambient.istio.io/redirection")));
            },
            |s, _| {
                let pods = s.objects.pods.iter_mut().filter(|pod| pod.metadata.namespace == "streams");
                pods.for_each(|pod| drop(pod.metadata.annotations.remove("example.com/redirection")));
            },
        ),
    ]
}

fn label(s: &mut Snapshot, namespace: &str, key: &str, value: Option<&str>) {
    let labels = &mut object::<Namespace>(s, namespace).metadata.labels;
    match value {
        Some(value) => labels.insert(key.to_owned(), value.to_owned()),
        None => labels.remove(key),
    };
}

fn annotate<R: Resource>(s: &mut Snapshot, path: &str, key: &str) {
    object::<R>(s, path).meta_mut().annotations.insert(key.into(), "team:one".into());
}

fn template_label(s: &mut Snapshot, key: &str, value: &str) {
    let template = &mut object::<Deployment>(s, "web/bff").spec.template;
    template.metadata.labels.insert(key.to_owned(), value.to_owned());
}

fn new_namespace(s: &mut Snapshot, key: &str, value: &str) {
    let labels = [(key.to_owned(), value.to_owned())].into_iter().collect();
    let metadata = ObjectMeta { name: "new-team".into(), labels, ..ObjectMeta::default() };
    s.objects.namespaces.push(Namespace { metadata });
}

/// Pods of web/bff run without a sidecar.
fn bare(s: &mut Snapshot) {
    for pod in pods_of(s, "web/bff") {
        pod.metadata.annotations.retain(|key, _| !key.contains("istio.io"));
        pod.spec.init_containers.retain(|one| !one.name.starts_with("istio-"));
    }
    for answers in s.istiods.values_mut() {
        let others = |name: &str| !name.starts_with("bff-");
        answers.syncz.iter_mut().for_each(|all| all.retain(|one| others(&one.proxy)));
        answers.connections.iter_mut().for_each(|all| all.retain(|one| others(&one.connection_id)));
    }
}

/// The first pod of web/bff runs a proxy of this revision.
fn carry(s: &mut Snapshot, revision: &str, version: &str) {
    let pod = pods_of(s, "web/bff").remove(0);
    pod.metadata.annotations.insert(REV.into(), revision.into());
    if let Some(status) = pod.metadata.annotations.get(STATUS).cloned() {
        pod.metadata.annotations.insert(STATUS.into(), status.replace("1-29-6", revision));
    }
    let proxies = pod.spec.init_containers.iter_mut().filter(|one| one.name.starts_with("istio-"));
    proxies.for_each(|proxy| proxy.image = proxy.image.replace("1.29.6", version));
    let proxy = format!("{}.web", pod.metadata.name);
    let mut moved = (Vec::new(), Vec::new());
    for answers in s.istiods.values_mut() {
        if let Some(all) = &mut answers.syncz {
            moved.0.extend(all.extract_if(.., |one| one.proxy == proxy));
        }
        if let Some(all) = &mut answers.connections {
            moved.1.extend(all.extract_if(.., |one| one.connection_id.starts_with(&proxy)));
        }
    }
    moved.0.iter_mut().for_each(|status| status.istio_version = version.into());
    let istiod = s.istiods.iter_mut().find(|(pod, _)| pod.contains(revision));
    if let Some((_, answers)) = istiod {
        answers.syncz.get_or_insert_default().extend(moved.0);
        answers.connections.get_or_insert_default().extend(moved.1);
    }
}

/// A second webhook that injects whoever follows the tag.
fn twin(s: &mut Snapshot, tag: &str) {
    let webhooks = &s.objects.mutating_webhooks;
    let mut twin = webhooks
        .iter()
        .find(|one| one.metadata.label("istio.io/tag") == Some(tag))
        .cloned()
        .unwrap_or_default();
    twin.metadata.name = "istio-revision-tag-twin".into();
    s.objects.mutating_webhooks.push(twin);
}

fn not_on_sundays() -> MatchCondition {
    MatchCondition { name: "not-on-sundays".into(), expression: "true".into() }
}
