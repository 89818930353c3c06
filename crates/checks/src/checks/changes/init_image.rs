//! ML4175: the image of the init container, which the target takes from another value.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{ConfigMap, Resource};
use serde_json::Value;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// What the chart says where nobody does.
const DEFAULT: &str = "proxyv2";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4175",
        layer: Layer::Sidecars,
        versions: Versions::Since(31),
        title: "The init container of its pods takes another image than the proxy",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "give global.proxy_init.image and global.proxy.image the same name, or see that the registry has both",
        why: "istio-init and istio-validation ran the proxy's own image; a global.proxy_init.image without `/` had no say. \
              From 1.31 on that value (proxyv2 where nobody sets it) names their image, in the hub and with the tag of the \
              proxy. A registry of one's own that lacks it leaves every new pod in Init:ImagePullBackOff, and the rollout \
              stands. The twin pulls no images: a rehearsal does not show it.",
        see: "`kubectl get cm -n istio-system -l istio.io/rev -o yaml | grep -A12 -E '\"(proxy|proxy_init)\":' | \
              grep '\"image\"'`, and `kubectl get pod NAME -n NAMESPACE -o yaml | grep image:` of a pod that the new \
              injector made.",
        fix: "`--set global.proxy_init.image=NAME` with the name that global.proxy.image has: earlier versions pass it over, \
              so it can be set beforehand.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.3/manifests/charts/istio-control/istio-discovery/files/injection-template.yaml",
            "https://github.com/istio/istio/blob/1.31.0-rc.0/manifests/charts/istio-control/istio-discovery/files/injection-template.yaml",
            "https://github.com/istio/istio/blob/1.31.0-rc.0/pkg/kube/inject/inject.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().config_maps.iter().filter_map(hit).collect()
}

/// An injector's values, if they name two images.
fn hit(map: &ConfigMap) -> Option<Hit> {
    let values: Value = serde_json::from_str(map.data.get("values")?).ok()?;
    let (proxy, init) = (image(&values, "proxy"), image(&values, "proxy_init"));
    // A whole name is taken as it is, by all versions.
    if proxy == init || proxy.contains('/') || init.contains('/') {
        return None;
    }
    let detail = format!("its proxies are {proxy}, and istio-init of new pods would be {init}");
    let fact = format!("values global.proxy.image={proxy}, global.proxy_init.image={init}");
    Some(Hit::new(&map.object_ref(), detail).because(fact))
}

fn image<'a>(values: &'a Value, of: &str) -> &'a str {
    values["global"][of]["image"].as_str().filter(|name| !name.is_empty()).unwrap_or(DEFAULT)
}
