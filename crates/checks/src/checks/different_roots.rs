//! ML5014: revisions that do not trust each other.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Revision;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5014",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "Two revisions sign with different roots",
        severity: Severity::Block,
        consequence: Consequence::Gap,
        offers: &[],
        may_accept_unknown: false,
        hint: "let the new revision sign with the root that all proxies trust, before anything moves",
        why: "istiods without a common CA each make a root of their own. A proxy that moves gets a certificate \
              that the others do not trust: every mTLS connection between moved and unmoved pods fails. \
              The twin knows no certificates, so a rehearsal does not show it.",
        see: "`kubectl get mutatingwebhookconfigurations -o jsonpath='{range .items[*]}{.metadata.name} \
              {.webhooks[0].clientConfig.caBundle}{\"\\n\"}{end}'`: istiod writes its root there.",
        fix: "Both must read the same Secret (`cacerts`, or `istio-ca-secret` in one namespace). Restart the new \
              istiod after it is there, and look again.",
        sources: &[
            "https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/",
            "https://github.com/istio/istio/issues/46600",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let roots: BTreeMap<&str, &str> = context
        .objects()
        .mutating_webhooks
        .iter()
        .filter_map(|one| {
            let bundle = one.webhooks.iter().map(|webhook| webhook.client_config.ca_bundle.as_str());
            Some((one.metadata.name.as_str(), bundle.into_iter().find(|bundle| !bundle.is_empty())?))
        })
        .collect();
    let of = |revision: &Revision| Some(*roots.get(revision.injector.as_deref()?)?);
    let Some((first, root)) = context.mesh.used_revisions().find_map(|one| Some((one, of(one)?))) else {
        return Vec::new();
    };
    let others = context.mesh.revisions.values().filter(|one| one.name != first.name);
    others
        .filter(|other| of(other).is_some_and(|bundle| bundle != root))
        .map(|other| {
            let subject = ObjectRef::cluster("Revision", other.name.as_str());
            Hit::new(&subject, format!("its root is not that of {}", first.name)).because(format!(
                "the caBundles that {} and {} wrote into their webhooks differ",
                first.name, other.name
            ))
        })
        .collect()
}
