//! ML4102: ambient pods in a namespace that istio-cni leaves out.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Which of them names namespaces, by commas.
const EXCLUDED: &str = "EXCLUDE_NAMESPACES";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4102",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Cni, 30),
        title: "Its pods leave the ambient mesh when istio-cni is upgraded",
        severity: Severity::Block,
        consequence: Consequence::Unserved,
        offers: &[],
        may_accept_unknown: true,
        hint: "take the namespace off istio-cni's excludeNamespaces, or take its pods out of the mesh first",
        why: "Until 1.29 only the CNI plugin obeyed excludeNamespaces: the agent enrolled pods of such a \
              namespace all the same. From 1.30 on the agent obeys it too, and takes pods that are in the mesh \
              out of it as soon as it starts: without mTLS, and strict peers refuse them.",
        see: "`kubectl get configmap istio-cni-config -n istio-system -o jsonpath='{.data.EXCLUDE_NAMESPACES}'`, and \
              pods there with annotation `ambient.istio.io/redirection: enabled`.",
        fix: "Remove the namespace from `cni.excludeNamespaces` before istio-cni is upgraded; or label it \
              `istio.io/dataplane-mode=none` and restart its pods while the old agent runs.",
        sources: &["https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let excluded = named(context, EXCLUDED);
    let mut enrolled: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in &context.mesh.ambient.enrolled {
        if excluded.contains(pod.namespace.as_str()) {
            *enrolled.entry(&pod.namespace).or_default() += 1;
        }
    }
    enrolled
        .into_iter()
        .map(|(namespace, pods)| {
            let subject = ObjectRef::cluster("Namespace", namespace);
            Hit::new(
                &subject,
                format!("{pods} pods are in the mesh, and istio-cni is told to leave {namespace} out"),
            )
            .because(format!("ConfigMap istio-cni-config {EXCLUDED} names {namespace}"))
        })
        .collect()
}

/// Names that a setting of istio-cni lists, by commas.
pub(super) fn named<'a>(context: &Context<'a>, setting: &str) -> BTreeSet<&'a str> {
    let listed = context.agent_setting(setting).into_iter().flat_map(|names| names.split(','));
    listed.map(str::trim).filter(|name| !name.is_empty()).collect()
}
