//! ML4145: patches that look for a WasmPlugin's filter by its former name.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{EnvoyConfigPatch, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Start of such names until then.
const FORMER: &str = "extensions.istio.io/wasmplugin/";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4145",
        layer: Layer::Configuration,
        versions: Versions::Since(30),
        title: "An EnvoyFilter looks for a WasmPlugin's filter by its former name",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "add the same patch for extensions.istio.io/trafficextension/NAMESPACE.NAME, matched to proxies of 1.30",
        why: "istiod calls the filter of a WasmPlugin `extensions.istio.io/wasmplugin/NAMESPACE.NAME` until 1.29, and \
              `extensions.istio.io/trafficextension/NAMESPACE.NAME` from 1.30 on. A patch that matches the former name \
              is passed over without a word: what it inserts, merges or removes stays undone.",
        see: "`kubectl get envoyfilter -A -o yaml | grep -n 'istio.io/wasmplugin/'`.",
        fix: "Keep the patch for proxies of the old version (`match.proxy.proxyVersion: '^1\\.2.*'`), and add a copy with \
              the new name for those of the new one (`'^1\\.3.*'`). Take the first away after the upgrade.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/model/extensions.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/model/extensions.go",
        ],
    },
    needs: &[WORKLOADS, &["envoyfilters.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let filters = context.objects().envoy_filters.iter();
    filters
        .filter_map(|filter| {
            let name = filter.spec.config_patches.iter().find_map(former)?;
            Some(
                Hit::new(
                    &filter.object_ref(),
                    "the target calls that filter otherwise, and the patch passes it over",
                )
                .because(format!("{} matches {name}", filter.object_ref())),
            )
        })
        .collect()
}

/// The former name that a patch matches.
fn former(patch: &EnvoyConfigPatch) -> Option<&str> {
    let filter = &patch.match_.listener.filter_chain.filter;
    let names = [filter.name.as_str(), filter.sub_filter.name.as_str()];
    names.into_iter().find(|name| name.starts_with(FORMER))
}
