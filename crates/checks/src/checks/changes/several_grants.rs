//! ML4178: a ReferenceGrant with several entries of one kind, of which some versions take the last alone.

use std::collections::BTreeMap;

use meshlift_mesh::by_namespace;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, GrantedTo, ReferenceGrant, Resource};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;
use crate::routes::{HTTP_ROUTES, http_routes, is_istios};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4178",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "Of a ReferenceGrant's entries of one kind, the last alone counts in some versions",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "write one ReferenceGrant for each name, beside the old one, before the control plane moves",
        why: "From 1.26 to 1.29 istiod keeps one entry of `to` for each kind and each `from`: the last. What an earlier entry \
              allows is refused: a route's backend in another namespace answers 500, a listener whose certificate is refused \
              serves nobody. Until 1.25, and from 1.30 on, all entries count: on the way out, references that were refused \
              begin to work.",
        see: objects_where!(
            "referencegrant",
            "(.spec.to | length) > ([.spec.to[] | .kind] | unique | length)"
        ),
        fix: "Split the grant: one object for each entry of `to`. All versions read them alike. An entry without a name allows \
              all names of its kind.",
        sources: &[
            "https://github.com/istio/istio/issues/58266",
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/config/kube/gateway/references_collection.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/config/kube/gatewaycommon/references.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

/// What tells which references are allowed.
const GRANTS: &str = "referencegrants.gateway.networking.k8s.io";

/// A reference into another namespace.
struct Reference<'a> {
    /// What refers.
    from: ObjectRef,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(then) = context.target.map(takes_last) else { return Vec::new() };
    if !context.used_versions().any(|version| takes_last(version) != then) {
        return Vec::new();
    }
    let references = references(context);
    // Only who refers into another namespace needs grants.
    if let (Some(reason), false) = (context.missing(GRANTS), references.is_empty()) {
        let detail = format!("whether references into other namespaces stay allowed: {GRANTS} {reason}");
        let hint = "record the mesh anew, with the right to list ReferenceGrants";
        return vec![not_judged(&ObjectRef::cluster("Source", GRANTS), detail, hint)];
    }
    let grants = by_namespace(&context.objects().reference_grants);
    let mut into: BTreeMap<&str, Vec<&Reference<'_>>> = BTreeMap::new();
    references.iter().for_each(|one| into.entry(one.namespace).or_default().push(one));
    let several = grants.iter().flat_map(|(_, here)| here).filter(|grant| grant.spec.to.len() > 1);
    let hits = several.filter_map(|grant| {
        let namespace = grant.metadata.namespace.as_str();
        let beside = grants.get(namespace)?;
        let lost = into
            .get(namespace)?
            .iter()
            .find(|one| allows(grant, one, false) && !beside.iter().any(|grant| allows(grant, one, true)))?;
        let what = if then { "is refused from now on" } else { "begins to work" };
        let (from, kind, name) = (&lost.from, lost.kind, lost.name);
        let detail = format!("the reference of {from} to {kind}/{}/{name} {what}", lost.namespace);
        Some(Hit::new(&grant.object_ref(), detail).because(format!("{from} refers to {kind} {name}")))
    });
    hits.collect()
}

/// True for versions that take the last entry alone.
fn takes_last(version: &IstioVersion) -> bool {
    version.major == 1 && (26..30).contains(&version.minor)
}

/// Backends and certificates in other namespaces.
fn references<'a>(context: &'a Context<'_>) -> Vec<Reference<'a>> {
    let mut all = Vec::new();
    for (from, spec) in http_routes(context) {
        for backend in spec.rules.iter().flat_map(|rule| &rule.backend_refs) {
            let Some(namespace) = backend.namespace.as_deref() else { continue };
            let kind = backend.kind.as_deref().unwrap_or("Service");
            all.push(Reference { from: from.clone(), kind, namespace, name: &backend.name });
        }
    }
    let gateways: Vec<&Gateway> =
        context.objects().gateways.iter().filter(|one| is_istios(context, one)).collect();
    for gateway in gateways {
        let tls = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        for certificate in tls.flat_map(|tls| &tls.certificate_refs) {
            let Some(namespace) = certificate.namespace.as_deref() else { continue };
            let kind = if certificate.kind.is_empty() { "Secret" } else { certificate.kind.as_str() };
            all.push(Reference { from: gateway.object_ref(), kind, namespace, name: &certificate.name });
        }
    }
    all.retain(|one| one.namespace != one.from.namespace.as_str());
    all
}

/// True if a grant of its namespace allows a reference, by all of its entries or by those alone that are the last of their kind.
fn allows(grant: &ReferenceGrant, reference: &Reference<'_>, last_alone: bool) -> bool {
    let from = &reference.from;
    let mut sources = grant.spec.from.iter();
    let of_kind = |one: &&GrantedTo| one.kind == reference.kind;
    let names = |one: &GrantedTo| one.name.as_deref().is_none_or(|name| name == reference.name);
    sources.any(|one| from.kind == one.kind.as_str() && one.namespace == from.namespace.as_str())
        && if last_alone {
            grant.spec.to.iter().rfind(of_kind).is_some_and(names)
        } else {
            grant.spec.to.iter().filter(of_kind).any(names)
        }
}
