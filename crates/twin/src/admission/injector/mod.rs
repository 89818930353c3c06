//! The answer of an istiod's injector: what a pod becomes.
//!
//! Follows `pkg/kube/inject` and the injection templates of Istio 1.29 and 1.30 as far as an upgrade can see
//! them: containers with image, probes, hooks, resources and environment, annotations, labels and names of
//! volumes. Where a template is asked for that Istio does not bring (`inject.istio.io/templates`), the
//! sidecar's is used.

mod environment;
mod proxy_config;
mod security;
mod settings;
mod template;

use meshlift_model::defaults::{INJECT_LABEL, REV_LABEL, STATUS_ANNOTATION};
use meshlift_model::k8s::{Container, Node, Pod};
use meshlift_model::names::RevisionName;

use crate::store::Store;
use settings::Settings;

use meshlift_model::injection::{DISCOVERY, OVERRIDES, Overrides, Owner, rewrite_probes};
pub use meshlift_model::injection::{
    InjectionStatus, PROXY, is_istiod, is_native, proxy_of, revision_of_istiod, status_of, strip,
};

/// Containers that set up redirection before the proxy starts: with and without istio-cni.
const INIT: [&str; 2] = ["istio-validation", "istio-init"];
/// Annotation that asks for a template by name.
const TEMPLATES: &str = "inject.istio.io/templates";
/// Annotation that decides on a native sidecar, whatever the nodes are.
const NATIVE: &str = "sidecar.istio.io/nativeSidecar";
/// Namespaces that istiod never injects (`pkg/kube/inject/initializer.go`).
const IGNORED_NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];
/// First Kubernetes minor version whose kubelets get native sidecars (`DetectNativeSidecar`).
const NATIVE_MINOR_MIN: u32 = 33;

/// What an injector answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The pod carries a proxy of this revision now.
    Injected(RevisionName),
    /// The pod passes as it is.
    Skipped,
}

/// The injector of one istiod.
#[derive(Clone, Debug)]
pub struct Injector {
    settings: Settings,
}

impl Injector {
    /// The injector of an istiod, set up from the ConfigMaps of its revision.
    #[must_use]
    pub fn of_istiod(store: &Store, istiod: &Pod) -> Self {
        Self { settings: Settings::of_istiod(store, istiod) }
    }

    /// Injects the pod, or lets it pass; a pod that was injected before is injected anew.
    pub fn inject(&self, store: &Store, pod: &mut Pod) -> Answer {
        if !self.is_due(pod) {
            return Answer::Skipped;
        }
        if status_of(pod).is_some() {
            *pod = strip(pod);
        }
        let owner = Owner::of(pod);
        let native = self.native(store, pod);
        let template = template::choose(pod, &self.settings, native, &owner);
        let status = serde_json::to_string(&template.status(self.settings.revision.as_str()));
        self.apply(pod, template);
        // Serialization of names cannot fail; an empty status would only make tests fail.
        pod.metadata.annotations.insert(STATUS_ANNOTATION.to_owned(), status.unwrap_or_default());
        pod.metadata.annotations.insert(REV_LABEL.to_owned(), self.settings.revision.as_str().to_owned());
        Answer::Injected(self.settings.revision.clone())
    }

    /// `injectRequired` of `pkg/kube/inject/inject.go`; the label wins over the annotation.
    fn is_due(&self, pod: &Pod) -> bool {
        if pod.spec.host_network || IGNORED_NAMESPACES.contains(&pod.metadata.namespace.as_str()) {
            return false;
        }
        let asked =
            pod.metadata.label(INJECT_LABEL).or_else(|| pod.metadata.annotation(INJECT_LABEL)).unwrap_or("");
        let labels = &pod.metadata.labels;
        // Of any other word istiod only warns, from 1.27 on: the twin's injectors are newer.
        let is_undecided = !matches!(asked, "true" | "false");
        let by_default =
            is_undecided && !self.settings.never_inject.iter().any(|never| never.matches(labels));
        let always = by_default && self.settings.always_inject.iter().any(|always| always.matches(labels));
        let enabled = self.settings.text("/global/proxy/autoInject", "enabled") != "disabled";
        asked == "true" || always || (by_default && enabled)
    }

    /// `DetectNativeSidecar` of `pkg/kube/inject/webhook.go`.
    fn native(&self, store: &Store, pod: &Pod) -> bool {
        if let Some(asked) = pod.metadata.annotation(NATIVE) {
            return asked != "false";
        }
        if let Some(fixed) = self.settings.native_fixed {
            return fixed;
        }
        let mut nodes = store
            .list_all::<Node>()
            .filter(|node| pod.spec.node_name.is_empty() || node.metadata.name == pod.spec.node_name);
        nodes.all(|node| kubelet_minor(&node.status.node_info.kubelet_version) >= Some(NATIVE_MINOR_MIN))
    }

    fn apply(&self, pod: &mut Pod, template: template::Filled) {
        let own = take_own(pod);
        let hold = self.holds_app(pod);
        let app_probers = self.rewrites_probes(pod).then(|| rewrite_probes(pod, self.settings.status_port()));
        for (key, value) in template.labels {
            pod.metadata.labels.entry(key).or_insert(value);
        }
        for (key, value) in template.annotations {
            pod.metadata.annotations.entry(key).or_insert(value);
        }
        self.merge_metrics(pod);
        let mut proxy = template.proxy;
        if let Some(own) = &own {
            proxy = template::merged(proxy, own);
            let overrides =
                Overrides { containers: vec![template::override_of(own)], init_containers: Vec::new() };
            let text = serde_json::to_string(&overrides).unwrap_or_default();
            pod.metadata.annotations.insert(OVERRIDES.to_owned(), text);
        }
        if let Some(probers) = app_probers.flatten() {
            proxy.env.push(template::variable("ISTIO_KUBE_APP_PROBERS", probers));
        }
        place(pod, proxy, template.init, template.native, hold);
        let added = template.volumes.into_iter();
        pod.spec.volumes = added.chain(std::mem::take(&mut *pod.spec.volumes)).collect();
    }

    fn holds_app(&self, pod: &Pod) -> bool {
        proxy_config::of(pod, &self.settings).holds_app()
            || self.settings.flag("/global/proxy/holdApplicationUntilProxyStarts", false)
    }

    fn rewrites_probes(&self, pod: &Pod) -> bool {
        let default = self.settings.flag("/sidecarInjectorWebhook/rewriteAppHTTPProbe", true);
        match pod.metadata.annotation("sidecar.istio.io/rewriteAppHTTPProbers") {
            Some(asked) => asked == "true",
            None => default,
        }
    }

    /// Prometheus is sent to the agent, which merges the app's metrics (`applyPrometheusMerge`).
    fn merge_metrics(&self, pod: &mut Pod) {
        let annotations = &mut pod.metadata.annotations;
        let off = annotations.get("prometheus.istio.io/merge-metrics").is_some_and(|merge| merge == "false")
            || annotations.get("prometheus.io/scrape").is_some_and(|scrape| scrape == "false");
        if off || !self.settings.merges_metrics {
            return;
        }
        let port = self.settings.status_port().to_string();
        for (key, value) in [("port", port.as_str()), ("path", "/stats/prometheus"), ("scrape", "true")] {
            annotations.insert(format!("prometheus.io/{key}"), value.to_owned());
        }
    }
}

/// Takes the proxy's container out of a pod that brings one, such as a gateway.
fn take_own(pod: &mut Pod) -> Option<Container> {
    for list in [&mut pod.spec.containers, &mut pod.spec.init_containers] {
        if let Some(index) = list.iter().position(|container| container.name == PROXY) {
            return Some(list.remove(index));
        }
    }
    None
}

/// Order of containers: `reorderPod` of `pkg/kube/inject/webhook.go`.
fn place(pod: &mut Pod, proxy: Container, init: Option<Container>, native: bool, hold: bool) {
    let is_validation = init.as_ref().is_some_and(|init| init.name == INIT[0]);
    if native {
        pod.spec.init_containers.insert(0, proxy);
        pod.spec.init_containers.splice(0..0, init);
        return;
    }
    if is_validation {
        pod.spec.init_containers.splice(0..0, init);
    } else {
        pod.spec.init_containers.extend(init);
    }
    let index = if hold { 0 } else { pod.spec.containers.len() };
    pod.spec.containers.insert(index, proxy);
}

/// Minor version of `v1.34.4`, if it is one.
fn kubelet_minor(version: &str) -> Option<u32> {
    let mut parts = version.strip_prefix('v').unwrap_or(version).split('.');
    let major: u32 = parts.next()?.parse().ok()?;
    let minor: u32 = parts.next()?.trim_end_matches('+').parse().ok()?;
    if major > 1 { Some(u32::MAX) } else { Some(minor) }
}
