//! ML4127: clients that ask istiod for what it no longer tells everybody.

use std::collections::BTreeSet;

use meshlift_mesh::facts::{Role, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::traffic::PROXY;

/// Names namespaces that istiod answers all the same, by commas.
const ALLOWED: &str = "DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES";
/// Root namespace where the mesh config names none.
const ROOT: &str = "istio-system";
/// Audience of the tokens by which istiod knows a caller.
const AUDIENCE: &str = "istio-ca";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4127",
        layer: Layer::ControlPlane,
        versions: Versions::SincePatches(&[(27, 6), (28, 4), (29, 0)]),
        title: "A client in another namespace loses istiod's debug endpoints",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "name its namespace in DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES of the new istiod, or let it ask by a port-forward to 15014",
        why: "From 1.27.6, 1.28.4 and 1.29 on istiod looks at the namespace of who asks its debug endpoints on \
              ports 8080 and 15014. From other namespaces than the root namespace only config_dump, ndsz and edsz are \
              answered, for proxies of the same namespace; everything else is 403. Who mounts a token for istiod \
              (audience istio-ca) and is no proxy may be such a client. Who asks by a port-forward to one of \
              these ports, as Kiali does, is answered as before.",
        see: "`kubectl get deploy,sts,ds,cronjob -A -o json | jq -r '.items[] | select([(.spec.jobTemplate.spec // .spec).template.spec.volumes[]?.projected \
              .sources[]?.serviceAccountToken.audience] | index(\"istio-ca\")) | .kind + \"/\" + .metadata.namespace + \
              \"/\" + .metadata.name'`, without istiod, gateways, waypoints and ztunnel; and whether these ask for `/debug/` of istiod.",
        fix: "Set env DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES (1.27.8, 1.28.6, 1.29.1 and later) on the new istiod, or \
              move the client to the root namespace. ENABLE_DEBUG_ENDPOINT_AUTH=false opens them to every token.",
        sources: &[
            "https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/",
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/xds/debug.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let roots = root_namespaces(context);
    let clients = context.mesh.workloads.values().filter(|one| is_client(one));
    let elsewhere = clients.filter(|one| !roots.contains(one.workload.namespace.as_str()));
    let refused = elsewhere.filter(|one| !context.targets_all_name(ALLOWED, &one.workload.namespace));
    refused
        .map(|one| {
            Hit::new(&one.workload, "it has a token for istiod, is no proxy, and lives in another namespace")
                .because(format!("{} projects a token with audience {AUDIENCE}", one.workload))
        })
        .collect()
}

/// Namespaces that the mesh config names as root, or Istio's own.
fn root_namespaces<'a>(context: &Context<'a>) -> BTreeSet<&'a str> {
    let configs = context.mesh_configs();
    let roots = configs.map(|(_, mut lines)| lines.find_map(|line| line.strip_prefix("rootNamespace:")));
    let named = roots.map(|root| root.map_or("", |root| root.trim().trim_matches(['"', '\''])));
    let named: BTreeSet<&str> = named.map(|root| if root.is_empty() { ROOT } else { root }).collect();
    if named.is_empty() { [ROOT].into() } else { named }
}

/// True for what can ask istiod in its own name, beside what istiod and its installers make.
fn is_client(workload: &Workload) -> bool {
    let spec = &workload.template.spec;
    let mut sources =
        spec.volumes.iter().filter_map(|one| one.projected.as_ref()).flat_map(|one| &one.sources);
    let has_token =
        sources.any(|one| one.service_account_token.as_ref().is_some_and(|token| token.audience == AUDIENCE));
    workload.role == Role::App && has_token && !spec.all_containers().any(|container| container.name == PROXY)
}
