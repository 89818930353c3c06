//! JSON of `inspect`; its shape is stable.

use std::collections::BTreeMap;

use meshlift_mesh::{Ambient, GatewayFacts, Mesh, Role, Workload};
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::snapshot::SourceStatus;
use serde::Serialize;

use super::gateways::moves_with_revision;
use crate::words;

/// The whole document.
#[derive(Clone, Debug, Serialize)]
pub struct InspectJson {
    format_version: u32,
    mesh: MeshJson,
    workloads: Vec<WorkloadJson>,
    gateways: Vec<GatewayJson>,
    ambient: AmbientJson,
}

#[derive(Clone, Debug, Serialize)]
struct MeshJson {
    kubernetes_version: Option<String>,
    istio_versions: Vec<String>,
    revisions: Vec<RevisionJson>,
    default_revision: Option<String>,
    tags: Vec<TagJson>,
    install: String,
    sources: Vec<SourceJson>,
}

#[derive(Clone, Debug, Serialize)]
struct TagJson {
    name: String,
    revision: Option<String>,
    served: bool,
}

#[derive(Clone, Debug, Serialize)]
struct RevisionJson {
    name: String,
    version: Option<String>,
    tags: Vec<String>,
    pods: usize,
    connected: Option<usize>,
    missing: Vec<String>,
}

/// A source as `inspect` and `check` list it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SourceJson {
    name: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A workload; `revision_now` counts its pods by revision, `none` for those without a proxy.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WorkloadJson {
    kind: String,
    namespace: String,
    name: String,
    role: Role,
    follows: String,
    revision_now: BTreeMap<String, usize>,
    revision_on_restart: Option<String>,
    native_sidecar: Option<bool>,
    reason: String,
    uncertain: Vec<String>,
}

/// A gateway.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GatewayJson {
    kind: String,
    namespace: String,
    name: String,
    made: String,
    follows: String,
    owner: Option<String>,
    revision_now: BTreeMap<String, usize>,
    frozen: bool,
    replicas: i32,
    exposed_outside: bool,
    moves_with_revision: bool,
    services: Vec<String>,
    secrets: BTreeMap<String, &'static str>,
}

#[derive(Clone, Debug, Serialize)]
struct AmbientJson {
    ztunnel_version: Option<String>,
    ztunnels: Vec<String>,
    cni: Vec<String>,
    namespaces: Vec<String>,
    enrolled: usize,
    not_captured: Vec<String>,
}

/// The document for a mesh.
#[must_use]
pub fn inspect_json(mesh: &Mesh) -> InspectJson {
    InspectJson {
        format_version: FORMAT_VERSION,
        mesh: MeshJson {
            kubernetes_version: mesh.snapshot.kubernetes_version.clone(),
            istio_versions: istio_versions(mesh),
            revisions: mesh
                .revisions
                .values()
                .map(|revision| RevisionJson {
                    name: revision.name.to_string(),
                    version: revision.version.as_ref().map(ToString::to_string),
                    tags: revision.tags.iter().map(ToString::to_string).collect(),
                    pods: revision.pods,
                    connected: revision.connected,
                    missing: revision.missing.clone(),
                })
                .collect(),
            default_revision: mesh.default_revision.as_ref().map(ToString::to_string),
            tags: mesh
                .tags
                .values()
                .map(|tag| TagJson {
                    name: tag.name.to_string(),
                    revision: tag.revision.as_ref().map(ToString::to_string),
                    served: tag.served,
                })
                .collect(),
            install: words::install(&mesh.install),
            sources: sources(mesh),
        },
        workloads: mesh.workloads.values().map(workload).collect(),
        gateways: mesh.gateways.iter().map(gateway).collect(),
        ambient: ambient(&mesh.ambient),
    }
}

/// Versions of all revisions, sorted, each once.
pub(crate) fn istio_versions(mesh: &Mesh) -> Vec<String> {
    let mut versions: Vec<_> =
        mesh.revisions.values().filter_map(|revision| revision.version.clone()).collect();
    versions.sort();
    versions.dedup();
    versions.iter().map(ToString::to_string).collect()
}

/// All sources with their status.
pub(crate) fn sources(mesh: &Mesh) -> Vec<SourceJson> {
    let source = |(name, status): (&String, &SourceStatus)| {
        let (status, reason) = match status {
            SourceStatus::Read { .. } => ("read", None),
            SourceStatus::Absent => ("absent", None),
            SourceStatus::Refused { reason } => ("refused", Some(reason.clone())),
            SourceStatus::Broken { reason } => ("broken", Some(reason.clone())),
        };
        SourceJson { name: name.clone(), status, reason }
    };
    mesh.snapshot.sources.iter().map(source).collect()
}

pub(super) fn workload(workload: &Workload) -> WorkloadJson {
    WorkloadJson {
        kind: workload.workload.kind.to_string(),
        namespace: workload.workload.namespace.to_string(),
        name: workload.workload.name.to_string(),
        role: workload.role,
        follows: words::follows(&workload.follows),
        revision_now: by_revision(&workload.now),
        revision_on_restart: workload.on_restart.revision.as_ref().map(ToString::to_string),
        native_sidecar: workload.on_restart.native,
        reason: workload.on_restart.why.clone(),
        uncertain: workload.on_restart.uncertain.clone(),
    }
}

pub(super) fn gateway(gateway: &GatewayFacts) -> GatewayJson {
    let secret = |there: &Option<bool>| match there {
        Some(true) => "there",
        Some(false) => "missing",
        None => "not readable",
    };
    GatewayJson {
        kind: gateway.gateway.kind.to_string(),
        namespace: gateway.gateway.namespace.to_string(),
        name: gateway.gateway.name.to_string(),
        made: words::gateway(gateway.kind).to_owned(),
        follows: words::follows(&gateway.follows),
        owner: gateway.owner.as_ref().map(ToString::to_string),
        revision_now: by_revision(&gateway.running),
        frozen: gateway.frozen,
        replicas: gateway.replicas,
        exposed_outside: gateway.exposed_outside,
        moves_with_revision: moves_with_revision(gateway.kind),
        services: gateway
            .services
            .iter()
            .map(|(service, kind)| format!("{kind} {}", service.short()))
            .collect(),
        secrets: gateway.secrets.iter().map(|(name, there)| (name.clone(), secret(there))).collect(),
    }
}

fn by_revision(
    counts: &BTreeMap<Option<meshlift_model::names::RevisionName>, usize>,
) -> BTreeMap<String, usize> {
    counts.iter().map(|(revision, pods)| (words::revision(revision.as_ref()), *pods)).collect()
}

fn ambient(ambient: &Ambient) -> AmbientJson {
    let names = |objects: &[meshlift_model::names::ObjectRef]| objects.iter().map(|o| o.short()).collect();
    AmbientJson {
        ztunnel_version: ambient.ztunnel_version.as_ref().map(ToString::to_string),
        ztunnels: names(&ambient.ztunnels),
        cni: names(&ambient.cni),
        namespaces: ambient.namespaces.clone(),
        enrolled: ambient.enrolled.len(),
        not_captured: names(&ambient.not_captured),
    }
}
