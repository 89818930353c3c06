//! Whether a sidecar would be native (istio: pkg/kube/inject/webhook.go, `detectNativeSidecar`).

use meshlift_model::k8s::Node;

use crate::bare::BarePod;
use crate::index::Index;
use crate::settings::{NativeMode, Settings};

/// Annotation that names injection templates.
pub(crate) const TEMPLATES: &str = "inject.istio.io/templates";
/// Annotation that overrides the mode.
const NATIVE_SIDECAR: &str = "sidecar.istio.io/nativeSidecar";
/// Minor version of the kubelet from which native sidecars are stable.
const KUBELET_MINOR_MIN: u32 = 33;

/// Whether all nodes can run native sidecars; `None` where nodes were not read.
///
/// As istiod judges it: one kubelet that is older, or whose version cannot be parsed, decides for all.
pub(crate) fn nodes_are_able(index: &Index<'_>) -> Option<bool> {
    if index.doubt::<Node>().is_some() {
        return None;
    }
    let nodes = &index.snapshot.objects.nodes;
    let able = |node: &Node| kubelet_minor(&node.status.node_info.kubelet_version) >= Some(KUBELET_MINOR_MIN);
    Some(!nodes.is_empty() && nodes.iter().all(able))
}

/// Native or classic, for a pod that gets a sidecar; `None` where that cannot be told.
pub(crate) fn is_native(settings: &Settings, pod: &BarePod<'_>, nodes_able: Option<bool>) -> Option<bool> {
    if !templates(settings, pod).contains(&"sidecar") {
        // Only the sidecar template knows native sidecars; gateways stay ordinary containers.
        return Some(false);
    }
    if let Some(value) = pod.annotation(NATIVE_SIDECAR).filter(|value| !value.is_empty()) {
        return Some(value != "false");
    }
    match settings.native {
        NativeMode::On => Some(true),
        NativeMode::Off => Some(false),
        NativeMode::Auto => nodes_able,
    }
}

/// Templates that injection applies to a pod.
fn templates<'s>(settings: &'s Settings, pod: &BarePod<'s>) -> Vec<&'s str> {
    match pod.annotation(TEMPLATES) {
        Some(names) => split_templates(names).collect(),
        None => settings.default_templates.iter().map(String::as_str).collect(),
    }
}

/// Names in the annotation `inject.istio.io/templates`.
pub(crate) fn split_templates(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Minor version of a kubelet; `None` where the text is no version. A suffix must follow `-` or `+` and
/// must not be empty, as in the parser that istiod uses (`1.33+` is no version to it).
fn kubelet_minor(version: &str) -> Option<u32> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let end = version.find(['-', '+']).unwrap_or(version.len());
    let (numbers, suffix) = version.split_at(end);
    if suffix.len() == 1 {
        return None;
    }
    let parts: Option<Vec<u32>> = numbers.split('.').map(|part| part.parse().ok()).collect();
    parts?.get(1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubelets_are_parsed_as_istiod_parses_them() {
        assert_eq!(kubelet_minor("v1.34.4"), Some(34));
        assert_eq!(kubelet_minor("v1.33.1-gke.100"), Some(33));
        assert_eq!(kubelet_minor("1.33.1+k3s1"), Some(33));
        for odd in ["", "v1", "v1.33+", "fake", "v1.x.3"] {
            assert_eq!(kubelet_minor(odd), None, "{odd}");
        }
    }
}
