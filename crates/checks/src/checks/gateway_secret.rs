//! ML3005: a gateway names a TLS secret that is not there.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{IstioGateway, Resource, StringMap, has_all};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::SourceStatus;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3005",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway names a TLS secret that is missing",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "create the secret in the namespace of the gateway's pods, or remove the server that names it",
        why: "Without its secret the listener serves nothing. A proxy that runs may still hold a certificate \
              that was deleted since; one that is made anew finds none. The old pods hide it until the restart.",
        see: "`kubectl get secret -n NAMESPACE NAME`; `istioctl analyze` says IST0101.",
        fix: "Bring the secret back before the gateway restarts.",
        sources: &["https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/"],
    },
    needs: &[WORKLOADS, &["gateways.networking.istio.io", "gateways.gateway.networking.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let named = named(context);
    if named.is_empty() {
        return Vec::new();
    }
    let unread = match context.mesh.snapshot.source("secrets") {
        SourceStatus::Read { .. } | SourceStatus::Absent => None,
        SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => Some(reason),
    };
    let there: BTreeSet<(&str, &str)> = context
        .objects()
        .secrets
        .iter()
        .map(|secret| (secret.metadata.namespace.as_str(), secret.metadata.name.as_str()))
        .collect();
    let mut hits = Vec::new();
    for (subject, secrets) in named {
        let words = |missing: &[&(String, String)]| {
            missing.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect::<Vec<_>>().join(", ")
        };
        if let Some(reason) = &unread {
            let all: Vec<&(String, String)> = secrets.iter().collect();
            let detail = format!("whether {} exists is not known: secrets {reason}", words(&all));
            hits.push(Hit::new(&subject, detail).unknown().because(format!("secrets: {reason}")));
            continue;
        }
        let missing: Vec<&(String, String)> = secrets
            .iter()
            .filter(|(namespace, name)| !there.contains(&(namespace.as_str(), name.as_str())))
            .collect();
        if !missing.is_empty() {
            let detail = format!("it names {}, which does not exist", words(&missing));
            hits.push(Hit::new(&subject, detail).because(format!("no Secret {}", words(&missing))));
        }
    }
    hits
}

/// Secrets, as namespace and name, by the object that names them.
fn named(context: &Context<'_>) -> BTreeMap<ObjectRef, BTreeSet<(String, String)>> {
    let mut named: BTreeMap<ObjectRef, BTreeSet<(String, String)>> = BTreeMap::new();
    // Most gateways select the pods of one and the same ingress.
    let mut selected: BTreeMap<&StringMap, BTreeSet<&str>> = BTreeMap::new();
    for gateway in &context.objects().istio_gateways {
        for name in credentials(gateway) {
            let selector = &gateway.spec.selector;
            let namespaces = selected.entry(selector).or_insert_with(|| namespaces(context, selector));
            let secrets = namespaces.iter().map(|namespace| ((*namespace).to_owned(), name.to_owned()));
            named.entry(gateway.object_ref()).or_default().extend(secrets);
        }
    }
    for gateway in &context.objects().gateways {
        let listeners = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        for secret in listeners.flat_map(|tls| &tls.certificate_refs) {
            if matches!(secret.kind.as_str(), "" | "Secret") {
                let namespace = secret.namespace.clone().unwrap_or_else(|| gateway.metadata.namespace.clone());
                named.entry(gateway.object_ref()).or_default().insert((namespace, secret.name.clone()));
            }
        }
    }
    named
}

/// Secrets of the cluster that an Istio Gateway names; `sds://` and `configmap://` name something else.
fn credentials(gateway: &IstioGateway) -> impl Iterator<Item = &str> {
    let tls = gateway.spec.servers.iter().filter_map(|server| server.tls.as_ref());
    tls.map(|tls| tls.credential_name.as_str()).filter_map(|name| match name.split_once("://") {
        Some(("kubernetes-gateway" | "kubernetes", rest)) => rest.rsplit('/').next(),
        Some(_) => None,
        None => (!name.is_empty()).then_some(name),
    })
}

/// Namespaces of the gateway pods that an Istio Gateway selects: secrets are looked for there.
fn namespaces<'m>(context: &Context<'m>, selector: &StringMap) -> BTreeSet<&'m str> {
    let workloads = context.gateway_workloads();
    let selected = workloads.filter(|one| has_all(&one.template.metadata.labels, selector));
    selected.map(|workload| workload.workload.namespace.as_str()).collect()
}
