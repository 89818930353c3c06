//! ML4127: tools that ask istiod for what it no longer tells everybody.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Names namespaces that istiod answers all the same, by commas.
const ALLOWED: &str = "DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES";
/// Names of Kiali's images: a tool that is known to ask.
const KIALI: [&str; 2] = ["kiali", "kiali-server"];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4127",
        layer: Layer::ControlPlane,
        versions: Versions::Since(29),
        title: "A tool in another namespace loses istiod's debug endpoints",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "name its namespace in DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES of the new istiod",
        why: "From 1.29 on the debug endpoints of istiod ask who is there. From other namespaces than its own only \
              config_dump, ndsz and edsz of proxies of the same namespace are answered: Kiali shows no sync state, \
              scripts fail.",
        see: "`kubectl get deploy -A -o jsonpath='{.items[*].spec.template.spec.containers[*].image}' | tr \" \" \
              \"\\n\" | grep kiali`.",
        fix: "Set env DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES (1.29.1 and later) on the new istiod, or move the tool \
              to its namespace. ENABLE_DEBUG_ENDPOINT_AUTH=false opens them to everybody.",
        sources: &["https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let tools = context.running(is_kiali);
    let system = &context.mesh.system_namespaces;
    let elsewhere = tools.filter(|(one, _)| !system.contains(&one.workload.namespace));
    let elsewhere = elsewhere.filter(|(one, _)| !context.targets_all_name(ALLOWED, &one.workload.namespace));
    let words = |image| format!("{image} asks istiods of other namespaces");
    elsewhere.map(|(one, image)| Hit::new(&one.workload, words(image)).because(image)).collect()
}

/// True for an image of Kiali.
pub(crate) fn is_kiali(image: &str) -> bool {
    let name = image.split('@').next().and_then(|image| image.rsplit('/').next());
    name.and_then(|name| name.split(':').next()).is_some_and(|name| KIALI.contains(&name))
}
