//! ML4188: certificates from an SDS server, which are asked for under another name.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{IstioGateway, Resource};
use serde_json::Value;

use super::default_export::mesh_of;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;

/// Start of the names of certificates that do not come from Secrets.
const EXTERNAL: &str = "sds://";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4188",
        layer: Layer::Gateways,
        versions: Versions::SincePatches(&[(30, 1)]),
        title: "A gateway asks its SDS server for a certificate of another name",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the SDS server answers to the name without `sds://` too, before the control plane moves",
        why: "A Gateway's credentialName is sds://NAME, and NAME is an sds provider of the mesh config. Until 1.30.0 gateways \
              asked that provider for the resource `sds://NAME`. From 1.30.1 on NAME is the resource, not the provider: they ask \
              the first sds provider of the mesh config for `NAME`. A server that does not know it gives no certificate, and \
              the listener's TLS handshakes fail. Pods with an SDS socket of their own ask that one instead, for \
              `sds://NAME`. The twin's gateways have no certificates: a rehearsal does not show it.",
        see: "`kubectl get gateways.networking.istio.io -A -o yaml | grep -n sds://`; `kubectl get cm -n \
              istio-system -l istio.io/rev -o yaml | grep -B2 -A4 'sds:'`; `istioctl proxy-config secret \
              POD.NAMESPACE` of the gateway: the secret is WARMING where nobody answers.",
        fix: "Let the server answer to both names, and let the provider that is meant be the first with sds. Or keep the \
              certificate in a Secret and name that: all versions read it alike.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/security/model/authentication.go",
            "https://github.com/istio/istio/blob/1.30.1/pilot/pkg/security/model/authentication.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps", "gateways.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let external = |gateway: &&IstioGateway| names(gateway).next().is_some();
    let gateways: Vec<&IstioGateway> = context.objects().istio_gateways.iter().filter(external).collect();
    if gateways.is_empty() {
        return Vec::new();
    }
    let maps = || context.objects().config_maps.iter();
    if let Some(map) = maps().find(|map| map.data.contains_key("mesh") && mesh_of(map).is_none()) {
        let detail = "its mesh config cannot be read as YAML".to_owned();
        return vec![not_judged(&map.object_ref(), detail, "look for its sds providers by hand")];
    }
    let meshes: Vec<Value> = maps().filter_map(mesh_of).collect();
    let listed = meshes.iter().filter_map(|mesh| mesh["extensionProviders"].as_array()).flatten();
    let providers: BTreeSet<&str> = listed.filter_map(|one| one["sds"]["name"].as_str()).collect();
    let hits = gateways.into_iter().filter_map(|gateway| {
        let name = names(gateway).find(|name| providers.contains(name))?;
        let detail = format!("the resource {EXTERNAL}{name} becomes {name}");
        Some(
            Hit::new(&gateway.object_ref(), detail)
                .because(format!("{name} is an sds provider of the mesh config")),
        )
    });
    hits.collect()
}

/// Names of its certificates that come from elsewhere.
fn names(gateway: &IstioGateway) -> impl Iterator<Item = &str> {
    let tls = gateway.spec.servers.iter().filter_map(|server| server.tls.as_ref());
    let all = tls.flat_map(|tls| std::iter::once(&tls.credential_name).chain(&tls.credential_names));
    all.filter_map(|name| name.strip_prefix(EXTERNAL))
}
