//! ML4191: modules of WasmPlugins in registries that agents may refuse to talk to.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, WasmPlugin};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;

/// Registries whose realm is a URL with a public host.
const KNOWN: [&str; 8] = [
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "quay.io",
    "registry.gitlab.com",
    "registry.k8s.io",
];
/// The same, by the end of their names.
const KNOWN_ENDS: [&str; 5] = [".docker.io", ".gcr.io", ".pkg.dev", ".azurecr.io", ".amazonaws.com"];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4191",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(27, 8), (28, 5), (29, 1)]),
        title: "New proxies may refuse the registry of a WasmPlugin",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &["accept-unknown"],
        may_accept_unknown: true,
        hint: "ask the registry for its realm (`curl -sI https://REGISTRY/v2/ | grep -i www-authenticate`)",
        why: "An agent from 1.27.8, 1.28.5 and 1.29.1 on looks at the WWW-Authenticate of a registry that answers 401, and gives up \
              where its realm is no http(s) URL, or one with localhost or a private or link-local address. Registries with a \
              password of their own often say `Basic realm=\"Registry\"`, whatever the pull secret holds. New pods then go \
              without the module: failStrategy FAIL_CLOSE, the default, refuses all of their requests. No variable turns it \
              off. The twin fetches no modules: a rehearsal does not show it.",
        see: "`kubectl get wasmplugin -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.url`; in the log of a new \
              istio-proxy, `rejected unsafe bearer realm`.",
        fix: "Move the module to a registry whose realm is a URL with a name for its host, or serve the file by `https://` \
              (with its sha256), before the pods move. A registry that answers without 401 is not affected: for that, accept \
              it.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.0/pkg/wasm/imagefetcher.go",
            "https://github.com/istio/istio/blob/1.29.1/pkg/wasm/imagefetcher.go",
        ],
    },
    needs: &[WORKLOADS, &["wasmplugins.extensions.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().wasm_plugins.iter().filter_map(hit).collect()
}

fn hit(plugin: &WasmPlugin) -> Option<Hit> {
    let registry = registry(&plugin.spec.url)?;
    let is_known = KNOWN.contains(&registry) || KNOWN_ENDS.iter().any(|end| registry.ends_with(end));
    let detail = format!("whether {registry} says a URL as its realm is not recorded");
    let hint = "ask the registry, or accept that this is not known";
    let hit = || not_judged(&plugin.object_ref(), detail, hint).offers(&["accept-unknown"]);
    (!is_known).then(|| hit().because(format!("{} spec.url={}", plugin.object_ref(), plugin.spec.url)))
}

/// Host of the registry that an image is in; `None` for files from elsewhere.
fn registry(url: &str) -> Option<&str> {
    let image = match url.split_once("://") {
        Some(("oci", image)) => image,
        Some(_) => return None,
        None => url,
    };
    let (host, _) = image.split_once('/')?;
    // Without a dot or a port it is a name on Docker Hub.
    let host = host.split(':').next().filter(|name| name.contains('.') || host.contains(':'));
    host.filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_of_a_module_is_the_host_of_its_image() {
        assert_eq!(registry("oci://registry.corp:5000/filters/a:1"), Some("registry.corp"));
        assert_eq!(registry("localhost:5000/a"), Some("localhost"));
        assert_eq!(registry("ghcr.io/org/a@sha256:0"), Some("ghcr.io"));
        for url in ["", "org/a:1", "https://files.example.com/a.wasm", "file:///a.wasm"] {
            assert_eq!(registry(url), None, "{url}");
        }
    }
}
