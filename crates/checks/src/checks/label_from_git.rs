//! ML2013: namespaces, tags and Gateways whose selection is written by somebody else.

use std::collections::BTreeSet;

use meshlift_mesh::facts::Follows;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, MutatingWebhookConfiguration, Resource, Service};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2013",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A GitOps controller writes what selects its revision",
        severity: Severity::Warn,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "let the controller leave its label istio.io/rev alone for the time of the run",
        why: "Namespaces, Gateways and tags move by what their label istio.io/rev says (a tag by its webhook \
              configuration too). What a run writes there is taken back at the next synchronisation, and pods that are \
              made afterwards are of the old revision again. A plan does not fight: it leaves such a namespace where it \
              is, and waits. A run whose tag or Gateway is taken back stops, and names who did it.",
        see: "`kubectl get ns NAME -o yaml`, or `kubectl get mutatingwebhookconfigurations -l istio.io/tag=TAG -o yaml`: \
              labels or annotations of argocd.argoproj.io, kustomize.toolkit.fluxcd.io or helm.toolkit.fluxcd.io.",
        fix: "Argo CD: `ignoreDifferences` for /metadata/labels/istio.io~1rev with RespectIgnoreDifferences. Flux: suspend \
              the Kustomization, or leave the label out of Git. Write the new value to Git once it has moved.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/#stable-revision-labels"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let owned = namespaces(context).into_iter().chain(tags(context)).chain(gateways(context));
    owned
        .map(|(subject, owner)| {
            Hit::new(&subject, format!("{owner} applies it, and takes back what a run writes")).because(owner)
        })
        .collect()
}

/// Those that move by their label, with who writes it.
fn namespaces(context: &Context<'_>) -> Vec<(ObjectRef, String)> {
    let owned = context.mesh.namespaces.values().filter(|facts| facts.managed_by.is_some());
    let mut owned = owned.peekable();
    if owned.peek().is_none() {
        return Vec::new();
    }
    let moving: BTreeSet<&str> = context.restarted().map(|one| one.workload.namespace.as_str()).collect();
    let moved = owned.filter(|facts| {
        let selects = match &facts.follows {
            Follows::Revision { revision } => !context.is_target(revision),
            Follows::Tag { .. } => true,
            Follows::Unserved { .. } | Follows::Nothing => false,
        };
        selects && moving.contains(facts.name.as_str())
    });
    moved
        .filter_map(|facts| Some((ObjectRef::cluster("Namespace", &facts.name), facts.managed_by.clone()?)))
        .collect()
}

fn tags(context: &Context<'_>) -> Vec<(ObjectRef, String)> {
    let moved = context
        .mesh
        .tags
        .values()
        .filter(|tag| !tag.revision.as_ref().is_some_and(|one| context.is_target(one)));
    let owned = moved.filter_map(|tag| {
        let webhook =
            tag.webhook.as_deref().map(|name| ObjectRef::cluster(MutatingWebhookConfiguration::KIND, name));
        let webhook =
            webhook.and_then(|name| context.object::<MutatingWebhookConfiguration>(&name)?.metadata.gitops());
        let service = || context.object::<Service>(tag.service.as_ref()?)?.metadata.gitops();
        Some((ObjectRef::cluster("Tag", tag.name.as_str()), webhook.or_else(service)?))
    });
    owned.collect()
}

/// Those of the Gateway API with a label of their own; others move with their namespace or their template.
fn gateways(context: &Context<'_>) -> Vec<(ObjectRef, String)> {
    let moved = context.mesh.gateways.iter().filter(|one| match &one.follows {
        Follows::Revision { revision } => !context.is_target(revision),
        Follows::Tag { .. } | Follows::Unserved { .. } | Follows::Nothing => false,
    });
    let owned = moved.filter_map(|one| {
        let metadata = &context.object::<Gateway>(&one.gateway)?.metadata;
        metadata.label(REV_LABEL)?;
        Some((one.gateway.clone(), metadata.gitops()?))
    });
    owned.collect()
}
