//! ML2006: labelled ambient, and nothing captures it.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2006",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "Labelled ambient, but nothing captures its pods",
        severity: Severity::Warn,
        consequence: Consequence::Unserved,
        offers: &[],
        may_accept_unknown: true,
        hint: "remove the label, or install istio-cni and ztunnel if it is meant to be in the mesh",
        why: "Ambient enrolment is done by istio-cni and ztunnel on each node. Where they do not exist, or a \
              pod was never captured, its traffic is plain, and policies that people wrote for it do not hold.",
        see: "`kubectl get ns -L istio.io/dataplane-mode`; no DaemonSet ztunnel; pods without annotation \
              `ambient.istio.io/redirection: enabled`.",
        fix: "Decide what is meant. The upgrade leaves it as it is.",
        sources: &["https://istio.io/latest/docs/ambient/usage/add-workloads/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ambient = &context.mesh.ambient;
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in &ambient.not_captured {
        *open.entry(pod.namespace.as_str()).or_default() += 1;
    }
    ambient
        .namespaces
        .iter()
        .filter_map(|namespace| {
            let open = open.get(namespace.as_str()).copied().unwrap_or(0);
            let subject = ObjectRef::cluster("Namespace", namespace);
            let mut missing = Vec::new();
            missing.extend(ambient.ztunnels.is_empty().then_some("no ztunnel"));
            missing.extend(ambient.cni.is_empty().then_some("no istio-cni"));
            (open > 0 || !missing.is_empty()).then(|| {
                let why =
                    if missing.is_empty() { String::new() } else { format!(" ({})", missing.join(", ")) };
                Hit::new(&subject, format!("{open} of its pods are outside of the mesh{why}"))
                    .because(format!("{subject} istio.io/dataplane-mode=ambient"))
            })
        })
        .collect()
}
