//! ML5023: a namespace's pods trust another root than the mesh's.

use std::collections::BTreeMap;

use meshlift_mesh::root_ca::given;
use meshlift_model::defaults::ROOT_CERT;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5023",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "A namespace does not have the mesh's root",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "let istiod write the namespace's root anew before a pod of it restarts",
        why: "istiod gives each namespace the mesh's root in a ConfigMap, and every proxy mounts it. Proxies that run hold \
              the root that they began with. A new one that mounts another root does not trust istiod and is never ready; \
              without the ConfigMap the pod does not even start. That is left behind where another control plane wrote it, \
              or where discovery selectors took the namespace from istiod before the root was rotated. The twin knows no \
              certificates, so a rehearsal does not show it.",
        see: "`kubectl get cm -A --field-selector metadata.name=istio-ca-root-cert -o json | jq -r '.items[] | \
              [(.data[\"root-cert.pem\"] | gsub(\"\\n\"; \"\") | .[-49:-25]), .metadata.namespace] | @tsv' | sort`: the end of each \
              root, before its namespace.",
        fix: "Find who else writes it (`kubectl get cm istio-ca-root-cert -n NAMESPACE -o yaml --show-managed-fields`), and \
              take the namespace from that one. If nobody does, see that the mesh's `discoverySelectors` match the namespace, \
              and `kubectl delete cm istio-ca-root-cert -n NAMESPACE`: istiod writes it again within seconds.",
        sources: &[
            "https://github.com/istio/istio/blob/master/pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go",
            "https://github.com/istio/istio/issues/46600",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let given = given(&context.mesh.snapshot);
    let systems = &context.mesh.system_namespaces;
    let roots: Vec<&str> = systems.iter().filter_map(|system| given.get(system.as_str()).copied()).collect();
    let Some(home) = systems.first().filter(|_| !roots.is_empty()) else { return Vec::new() };
    let mut mounting: BTreeMap<&str, usize> = BTreeMap::new();
    for (namespace, workloads) in context.proxied_by_namespace() {
        *mounting.entry(namespace).or_default() += workloads.len();
    }
    let hits = mounting.into_iter().filter_map(|(namespace, workloads)| {
        let detail = match given.get(namespace) {
            Some(root) if roots.contains(root) => return None,
            Some(_) => format!("its {} is not that of {home}: {workloads} workloads mount it", ROOT_CERT.0),
            None => format!("it has no {}, which {workloads} workloads mount", ROOT_CERT.0),
        };
        Some(Hit::new(&ObjectRef::cluster("Namespace", namespace), detail))
    });
    hits.collect()
}
