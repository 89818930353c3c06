//! ML4114: an istio-csr that new istiods refuse.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// The last minor version of 0 that does not negotiate ALPN.
const LAST_WITHOUT: u32 = 12;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4114",
        layer: Layer::ControlPlane,
        versions: Versions::Since(24),
        title: "istio-csr is too old for the target",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade cert-manager istio-csr to 0.13 or later first",
        why: "From 1.24 on gRPC demands that the other side negotiates ALPN. istio-csr up to 0.12 does not: \
              proxies of the new revision and istiod get no certificates, and no new pod becomes ready (\"missing \
              selected ALPN property\").",
        see: "`kubectl get deploy -A -o jsonpath='{.items[*].spec.template.spec.containers[*].image}' | tr \" \" \
              \"\\n\" | grep istio-csr`.",
        fix: "Upgrade istio-csr. Until then GRPC_ENFORCE_ALPN_ENABLED=false in the environment of istiod and \
              proxies.",
        sources: &[
            "https://istio.io/latest/news/releases/1.24.x/announcing-1.24/upgrade-notes/",
            "https://github.com/cert-manager/istio-csr/releases",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let old = context.running(is_old);
    old.map(|(one, image)| Hit::new(&one.workload, format!("it runs {image}")).because(image)).collect()
}

/// True for `…/cert-manager-istio-csr:v0.12.0` and before.
fn is_old(image: &str) -> bool {
    let tag = image.rsplit_once("istio-csr:").map(|(_, tag)| tag.trim_start_matches('v'));
    let mut numbers = tag.into_iter().flat_map(|tag| tag.split('.')).map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(0)), Some(Ok(minor))) if minor <= LAST_WITHOUT)
}
