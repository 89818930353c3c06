//! ML3005: a gateway names a TLS secret that is not there.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, IstioGateway, Resource, StringMap, has_all};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::SourceStatus;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{controller, is_istios};

/// Secrets that a finding names; more are counted.
const SHOWN_MAX: usize = 3;

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
        see: "`kubectl get secret NAME -n NAMESPACE`; `istioctl analyze -A` says IST0101.",
        fix: "Bring the secret back before the gateway restarts.",
        sources: &["https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/"],
    },
    needs: &[WORKLOADS, &["gateways.networking.istio.io", "gateways.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

/// A Secret's namespace and name.
type Name<'a> = (&'a str, &'a str);

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    let unread = match context.mesh.snapshot.source("secrets") {
        SourceStatus::Read { .. } | SourceStatus::Absent => None,
        SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => Some(reason),
    };
    let there =
        objects.secrets.iter().map(|one| (one.metadata.namespace.as_str(), one.metadata.name.as_str()));
    let there: BTreeSet<Name<'_>> = there.collect();
    // Most gateways select the pods of one and the same ingress.
    let mut selected: BTreeMap<&StringMap, BTreeSet<&str>> = BTreeMap::new();
    let mut hits = Vec::new();
    for gateway in &objects.istio_gateways {
        let names: BTreeSet<&str> = credentials(gateway).collect();
        if !names.is_empty() {
            let selector = &gateway.spec.selector;
            let places = selected.entry(selector).or_insert_with(|| namespaces(context, selector));
            let secrets = places.iter().flat_map(|place| names.iter().map(|name| (*place, *name)));
            hits.extend(hit(&gateway.object_ref(), secrets, &there, unread.as_deref()));
        }
    }
    for gateway in objects.gateways.iter().filter(|one| !is_of_others(context, one)) {
        let listeners = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        let named = listeners.flat_map(|tls| &tls.certificate_refs);
        let secrets: BTreeSet<Name<'_>> = named
            .filter(|one| matches!(one.kind.as_str(), "" | "Secret"))
            .map(|one| (one.namespace.as_deref().unwrap_or(&gateway.metadata.namespace), one.name.as_str()))
            .collect();
        hits.extend(hit(&gateway.object_ref(), secrets.into_iter(), &there, unread.as_deref()));
    }
    hits
}

/// True for Gateways of a class that is known not to be Istio's.
fn is_of_others(context: &Context<'_>, gateway: &Gateway) -> bool {
    !controller(context, gateway).is_empty() && !is_istios(context, gateway)
}

/// What there is to say of a gateway that names these.
fn hit<'a>(
    subject: &ObjectRef,
    secrets: impl Iterator<Item = Name<'a>>,
    there: &BTreeSet<Name<'_>>,
    unread: Option<&str>,
) -> Option<Hit> {
    let (mut shown, mut more) = (Vec::new(), 0);
    for (namespace, name) in secrets.filter(|one| unread.is_some() || !there.contains(one)) {
        if shown.len() < SHOWN_MAX {
            shown.push(format!("{namespace}/{name}"));
        } else {
            more += 1;
        }
    }
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    let words = shown.join(", ") + &rest;
    match unread {
        _ if shown.is_empty() => None,
        Some(reason) => {
            let detail = format!("whether {words} exists is not known: secrets {reason}");
            Some(Hit::new(subject, detail).unknown().because(format!("secrets: {reason}")))
        }
        None => {
            let detail = format!("it names {words}, which does not exist");
            Some(Hit::new(subject, detail).because(format!("no Secret {words}")))
        }
    }
}

/// Secrets of the cluster that an Istio Gateway names; `sds://` and `configmap://` name something else.
fn credentials(gateway: &IstioGateway) -> impl Iterator<Item = &str> {
    let tls = gateway.spec.servers.iter().filter_map(|server| server.tls.as_ref());
    let names = tls.flat_map(|tls| tls.credential_names.iter().chain([&tls.credential_name]));
    names.map(String::as_str).filter_map(|name| match name.split_once("://") {
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
