//! What a revision's injector was told: policy, selectors, templates, native sidecars, images.

use meshlift_model::defaults::{INJECT_LABEL, REV_LABEL};
use meshlift_model::k8s::{ConfigMap, Resources, StringMap};
use meshlift_model::names::{IstioVersion, RevisionName};
use meshlift_model::selector::LabelSelector;
use serde_json::Value;

use crate::control::ControlPlane;
use crate::index::{Index, first};

/// First minor version whose istiod injects native sidecars by itself: compatibility profile 1.26 turns
/// `ENABLE_NATIVE_SIDECARS` off again (istio: manifests/helm-profiles/compatibility-version-1.26.yaml).
const NATIVE_BY_DEFAULT: (u32, u32) = (1, 27);

/// First minor version that takes no other words than `true` and `false`.
const EXACT_WORDS: (u32, u32) = (1, 27);

/// Settings of one revision.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `global.proxy.autoInject`: `enabled` or `disabled`.
    policy: String,
    never: Vec<LabelSelector>,
    always: Vec<LabelSelector>,
    /// Templates of a pod that names none.
    pub(crate) default_templates: Vec<String>,
    pub(crate) native: NativeMode,
    /// Effective values of the installation, where recorded.
    pub(crate) merged: Option<Value>,
    /// `HUB/IMAGE:TAG` of the proxy, where the injector's values tell.
    pub(crate) proxy_image: Option<String>,
    /// Requests and limits of the proxy.
    pub(crate) proxy_resources: Resources,
    /// Period and failure threshold of the proxy's readiness probe.
    pub(crate) ready_probe: (i32, i32),
    /// Failure threshold of a sidecar's startup probe; absent where it has none.
    pub(crate) startup_failures: Option<i32>,
    /// Whether istio-cni sets up redirection, so that `istio-validation` replaces `istio-init`.
    pub(crate) cni: bool,
    /// Whether `true` and `false` alone count as words of a pod on injection.
    exact_words: bool,
}

/// istiod's `ENABLE_NATIVE_SIDECARS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NativeMode {
    On,
    Off,
    /// As nodes allow.
    Auto,
}

impl Settings {
    pub(crate) fn of(revision: &RevisionName, control: &ControlPlane<'_>, index: &Index<'_>) -> Self {
        let maps = &index.snapshot.objects.config_maps;
        // Every namespace has a ConfigMap, and all of those hold the same: labels are looked at last.
        let json = |key: &str| {
            let map = first(maps, |map| map.data.contains_key(key) && belongs(map, revision))?;
            serde_json::from_str::<Value>(map.data.get(key)?).ok()
        };
        let merged = json("merged-values");
        let values = json("values").or_else(|| merged.clone()).unwrap_or_default();
        let selectors = |path: &str| {
            let listed = values.pointer(path).cloned().unwrap_or_default();
            serde_json::from_value::<Vec<LabelSelector>>(listed).unwrap_or_default()
        };
        let text = |path: &str| values.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let listed = values.pointer("/sidecarInjectorWebhook/defaultTemplates").and_then(Value::as_array);
        let names = listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let mut default_templates: Vec<String> = names.collect();
        if default_templates.is_empty() {
            default_templates.push("sidecar".to_owned());
        }
        let version = control.version(index, revision);
        let number = |path: &str, default: i64| {
            let number = values.pointer(path).and_then(Value::as_i64).unwrap_or(default);
            i32::try_from(number).unwrap_or(i32::MAX)
        };
        let startup = values.pointer("/global/proxy/startupProbe/enabled").and_then(Value::as_bool);
        Self {
            ready_probe: (
                number("/global/proxy/readinessPeriodSeconds", 15),
                number("/global/proxy/readinessFailureThreshold", 4),
            ),
            startup_failures: startup
                .unwrap_or(true)
                .then(|| number("/global/proxy/startupProbe/failureThreshold", 600)),
            policy: text("/global/proxy/autoInject").unwrap_or("enabled").to_owned(),
            never: selectors("/sidecarInjectorWebhook/neverInjectSelector"),
            always: selectors("/sidecarInjectorWebhook/alwaysInjectSelector"),
            default_templates,
            native: native_mode(control.env(revision, "ENABLE_NATIVE_SIDECARS"), version.as_ref()),
            proxy_image: proxy_image(&values),
            proxy_resources: values
                .pointer("/global/proxy/resources")
                .and_then(|resources| serde_json::from_value(resources.clone()).ok())
                .map(canonical)
                .unwrap_or_default(),
            exact_words: version.as_ref().is_none_or(|version| (version.major, version.minor) >= EXACT_WORDS),
            cni: values.pointer("/pilot/cni/enabled").and_then(Value::as_bool).unwrap_or(false),
            merged,
        }
    }

    /// Why istiod leaves a pod alone that its webhook was asked about; `None` where it injects
    /// (istio: pkg/kube/inject/inject.go, `injectRequired`).
    pub(crate) fn refusal(&self, labels: &StringMap, annotation: Option<&str>) -> Option<String> {
        let label = labels.get(INJECT_LABEL).map(String::as_str);
        let (form, asked) = match label {
            Some(value) => ("label", value),
            None => ("annotation", annotation.unwrap_or_default()),
        };
        let word = if self.exact_words { asked.to_owned() } else { asked.to_lowercase() };
        match (word.as_str(), self.exact_words) {
            ("true", _) | ("y" | "yes" | "on", false) => return None,
            ("", _) => {}
            // istiod only warns of it.
            (other, true) if other != "false" => {}
            _ => {
                return Some(format!("its {form} {INJECT_LABEL}={asked} keeps istiod from injecting it"));
            }
        }
        let any = |selectors: &[LabelSelector]| {
            selectors.iter().any(|selector| *selector != LabelSelector::default() && selector.matches(labels))
        };
        if any(&self.never) {
            return Some("its labels match the injector's neverInjectSelector".to_owned());
        }
        if any(&self.always) || self.policy == "enabled" {
            return None;
        }
        Some(format!("the injector's policy is `{}` and the pod does not ask for a sidecar", self.policy))
    }
}

/// True for config maps of the revision, by label.
fn belongs(map: &ConfigMap, revision: &RevisionName) -> bool {
    map.metadata.label(REV_LABEL) == Some(revision.as_str())
}

fn native_mode(env: Option<&str>, version: Option<&IstioVersion>) -> NativeMode {
    match env.map(str::to_lowercase).as_deref() {
        Some("true") => NativeMode::On,
        Some("false") => NativeMode::Off,
        Some(_) => NativeMode::Auto,
        None => {
            let former = version.is_some_and(|version| (version.major, version.minor) < NATIVE_BY_DEFAULT);
            if former { NativeMode::Off } else { NativeMode::Auto }
        }
    }
}

/// Quantities as the API server writes them back (k8s.io/apimachinery: `Quantity.CanonicalizeBytes`, as far
/// as installers' values need it).
fn canonical(mut resources: Resources) -> Resources {
    const LARGER: [(&str, u64, &str); 4] =
        [("m", 1000, ""), ("Ki", 1024, "Mi"), ("Mi", 1024, "Gi"), ("Gi", 1024, "Ti")];
    for quantity in resources.requests.values_mut().chain(resources.limits.values_mut()) {
        for (unit, step, larger) in LARGER {
            let count = quantity.strip_suffix(unit).and_then(|count| count.parse::<u64>().ok());
            if let Some(count) = count.filter(|count| *count > 0 && count % step == 0) {
                *quantity = format!("{}{larger}", count / step);
            }
        }
    }
    resources
}

fn proxy_image(values: &Value) -> Option<String> {
    let text = |path: &str| values.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let tag = match values.pointer("/global/tag")? {
        Value::String(tag) => tag.clone(),
        other => other.to_string(),
    };
    let suffix = text("/global/variant").map(|variant| format!("-{variant}")).unwrap_or_default();
    let tag = if tag.ends_with(&suffix) { tag } else { tag + &suffix };
    let name = text("/global/proxy/image").unwrap_or("proxyv2");
    Some(format!("{}/{name}:{tag}", text("/global/hub")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_sidecars_came_by_default_with_one_version() {
        let mode = |env: Option<&str>, version: &str| native_mode(env, version.parse().ok().as_ref());
        assert_eq!(mode(None, "1.26.4"), NativeMode::Off);
        assert_eq!(mode(None, "1.27.0"), NativeMode::Auto);
        assert_eq!(mode(None, "unknown"), NativeMode::Auto);
        assert_eq!(mode(Some("true"), "1.24.0"), NativeMode::On);
        assert_eq!(mode(Some("False"), "1.30.3"), NativeMode::Off);
        assert_eq!(mode(Some("auto"), "1.30.3"), NativeMode::Auto);
    }

    #[test]
    fn quantities_are_written_as_the_api_server_writes_them() {
        let of = |text: &str| {
            let limits = StringMap::from([("x".to_owned(), text.to_owned())]);
            canonical(Resources { limits: limits.into(), ..Resources::default() })
                .limits
                .values()
                .next()
                .cloned()
        };
        for (text, canonical) in
            [("2000m", "2"), ("100m", "100m"), ("1024Mi", "1Gi"), ("128Mi", "128Mi"), ("0", "0")]
        {
            assert_eq!(of(text).as_deref(), Some(canonical));
        }
    }

    #[test]
    fn images_come_from_values() {
        let image = |text: &str| proxy_image(&serde_json::from_str(text).unwrap_or_default());
        let values = r#"{"global": {"hub": "h/istio", "tag": "1.30.3", "variant": "distroless"}}"#;
        assert_eq!(image(values).as_deref(), Some("h/istio/proxyv2:1.30.3-distroless"));
        let values = r#"{"global": {"hub": "h", "tag": "1.30.3-distroless", "variant": "distroless",
                        "proxy": {"image": "p"}}}"#;
        assert_eq!(image(values).as_deref(), Some("h/p:1.30.3-distroless"));
        assert_eq!(image("{}"), None);
    }
}
