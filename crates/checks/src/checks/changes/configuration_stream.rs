//! ML4138: clients that read all of the mesh's configuration from istiod.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Variable by which a client of Istio's agent asks for it, and the value that does.
const ASKS: (&str, &str) = ("ISTIO_META_GENERATOR", "api");
/// Start of the line of a mesh config that names another control plane to read from.
const SOURCE: &str = "address: xds://";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4138",
        layer: Layer::ControlPlane,
        versions: Versions::SincePatches(&[(29, 7), (30, 4), (31, 0)]),
        title: "Without an identity it gets no more configuration from istiod",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "give it an identity of the system namespace, or set ENABLE_XDS_API_GENERATOR_AUTH=false for the new istiod",
        why: "Until then istiod's `api` generator gave the configuration of the whole mesh to every client of its \
              xDS port. From 1.29.7, 1.30.4 and 1.31.0 on it answers a verified identity of the control plane's own namespace alone; \
              others get nothing, and keep what they read last.",
        see: "`kubectl get pods -A -o yaml | grep -A1 ISTIO_META_GENERATOR`; `configSources` with `xds://` in \
              the mesh config.",
        fix: "Run the client with a service account of the system namespace, over the port with TLS.",
        sources: &[
            "https://istio.io/latest/news/releases/1.30.x/announcing-1.30.4/",
            "https://github.com/istio/istio/pull/61228",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let system = &context.mesh.system_namespaces;
    let clients = context.mesh.workloads.values().filter(|one| !system.contains(&one.workload.namespace));
    let clients = clients.filter_map(|one| {
        let (name, value) = ASKS;
        let mut containers = one.template.spec.all_containers();
        let asks = containers.any(|container| container.env_value(name) == Some(value));
        asks.then(|| Hit::new(&one.workload, format!("asks for it: {name}={value}")))
    });
    let maps = context.mesh_configs().filter_map(|(map, mut lines)| {
        let source = lines.find(|line| line.starts_with(SOURCE))?;
        let detail =
            format!("its istiod reads configuration from {}", source.trim_start_matches("address: "));
        Some(Hit::new(&map.object_ref(), detail).because(source))
    });
    clients.chain(maps).collect()
}
