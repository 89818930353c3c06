//! The sidecar and gateway templates, filled in for one pod.

use meshlift_model::defaults::ROOT_CERT;
use meshlift_model::injection::{Owner, canonical_labels};
use meshlift_model::k8s::{
    Container, ContainerPort, EnvVar, ExecAction, HttpGetAction, IntOrString, Lifecycle, LifecycleHandler,
    ObjectSource, Pod, Probe, ProjectedVolumeSource, Resources, ServiceAccountTokenProjection, StringMap,
    Volume, VolumeProjection,
};

use super::proxy_config::{self, ProxyConfig};
use super::settings::Settings;
use super::{INIT, InjectionStatus, PROXY, TEMPLATES};
use crate::admission::stored;

/// Volumes of the templates, in their order; the sidecar adds the CRL.
const VOLUMES: [&str; 8] = [
    "workload-socket",
    "credential-socket",
    "workload-certs",
    "istio-envoy",
    "istio-data",
    "istio-podinfo",
    TOKEN_VOLUME,
    "istiod-ca-cert",
];
/// Volume of the token by which istiod knows the pod.
const TOKEN_VOLUME: &str = "istio-token";
/// Volume of the certificate revocation list, for sidecars.
const CRL_VOLUME: &str = "istio-ca-crl";
/// Volumes that come from a ConfigMap: which one, and whether a pod starts without it.
const CONFIG_MAPS: [(&str, &str, bool); 2] =
    [("istiod-ca-cert", ROOT_CERT.0, false), (CRL_VOLUME, "istio-ca-crl", true)];
/// Health port of the agent, asked by the kubelet.
const HEALTH_PORT: i32 = 15021;
/// Port with Envoy's own metrics.
const METRICS_PORT: i32 = 15090;
/// Image types that replace one another at the end of a tag.
const IMAGE_TYPES: [&str; 2] = ["-distroless", "-debug"];
/// What a sidecar's annotations may set of its resources: resource, annotation for the request, for the limit.
const RESOURCE_ANNOTATIONS: [(&str, &str, &str); 2] = [
    ("cpu", "sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyCPULimit"),
    ("memory", "sidecar.istio.io/proxyMemory", "sidecar.istio.io/proxyMemoryLimit"),
];

/// A template, filled in.
pub(super) struct Filled {
    pub(super) labels: StringMap,
    pub(super) annotations: StringMap,
    pub(super) init: Option<Container>,
    pub(super) proxy: Container,
    pub(super) volumes: Vec<Volume>,
    /// The proxy is a native sidecar.
    pub(super) native: bool,
}

impl Filled {
    /// The status annotation for what this template adds.
    pub(super) fn status(&self, revision: &str) -> InjectionStatus {
        let listed = |names: Vec<String>| (!names.is_empty()).then_some(names);
        let init = self.init.iter().map(|init| init.name.clone());
        let proxy = || std::iter::once(PROXY.to_owned());
        let (init_containers, containers) = if self.native {
            (init.chain(proxy()).collect(), Vec::new())
        } else {
            (init.collect(), proxy().collect())
        };
        InjectionStatus {
            init_containers: listed(init_containers),
            containers: listed(containers),
            volumes: listed(self.volumes.iter().map(|volume| volume.name.clone()).collect()),
            image_pull_secrets: None,
            revision: revision.to_owned(),
        }
    }
}

/// Fills in the template that the pod asks for.
pub(super) fn choose(pod: &Pod, settings: &Settings, native: bool, owner: &Owner) -> Filled {
    let asked = pod.metadata.annotation(TEMPLATES).unwrap_or("sidecar");
    let is_gateway = asked.split(',').any(|name| name.trim() == "gateway");
    let context =
        Context { pod, settings, owner, config: proxy_config::of(pod, settings), native, is_gateway };
    if is_gateway { context.gateway() } else { context.sidecar() }
}

/// A variable with a literal value.
pub(super) fn variable(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: value.into(), ..EnvVar::default() }
}

/// A template's container with what the pod's own container of that name says. The image `auto` says nothing.
pub(super) fn merged(template: Container, own: &Container) -> Container {
    fn or<T: Default + PartialEq + Clone>(own: &T, template: T) -> T {
        if *own == T::default() { template } else { own.clone() }
    }
    let mut env = template.env;
    for variable in &own.env {
        match env.iter_mut().find(|known| known.name == variable.name) {
            Some(known) => known.clone_from(variable),
            None => env.push(variable.clone()),
        }
    }
    let mut ports = own.ports.clone();
    let is_new =
        |port: &ContainerPort| own.ports.iter().all(|known| known.container_port != port.container_port);
    ports.extend(template.ports.into_iter().filter(is_new));
    Container {
        name: template.name,
        image: if own.image == "auto" { template.image } else { or(&own.image, template.image) },
        env,
        env_from: or(&own.env_from, template.env_from),
        ports,
        resources: or(&own.resources, template.resources),
        readiness_probe: or(&own.readiness_probe, template.readiness_probe),
        startup_probe: or(&own.startup_probe, template.startup_probe),
        liveness_probe: or(&own.liveness_probe, template.liveness_probe),
        lifecycle: or(&own.lifecycle, template.lifecycle),
        restart_policy: or(&own.restart_policy, template.restart_policy),
        security_context: own.security_context.before(&template.security_context).into(),
    }
}

/// What `proxy.istio.io/overrides` keeps of a pod's own container: all but the placeholder image.
pub(super) fn override_of(own: &Container) -> Container {
    let image = if own.image == "auto" { String::new() } else { own.image.clone() };
    Container { image, ..own.clone() }
}

/// What a template is filled in from.
pub(super) struct Context<'a> {
    pub(super) pod: &'a Pod,
    pub(super) settings: &'a Settings,
    pub(super) owner: &'a Owner,
    pub(super) config: ProxyConfig,
    pub(super) is_gateway: bool,
    native: bool,
}

impl Context<'_> {
    fn sidecar(self) -> Filled {
        let init = (self.interception_mode() != "NONE").then(|| self.init());
        let mut labels = canonical_labels(self.pod, self.owner);
        labels.insert("security.istio.io/tlsMode".into(), "istio".into());
        if self.has_metadata("ISTIO_META_ENABLE_HBONE") {
            labels.insert("networking.istio.io/tunnel".into(), "http".into());
        }
        let mut annotations = self.default_container();
        if self.settings.flag("/pilot/cni/enabled", false) {
            annotations.extend(self.redirection());
        }
        let proxy = Container {
            restart_policy: if self.native { "Always" } else { "" }.to_owned(),
            lifecycle: self.lifecycle().map(Box::new),
            startup_probe: self.settings.flag("/global/proxy/startupProbe/enabled", true).then(|| {
                let failure_threshold =
                    self.settings.number("/global/proxy/startupProbe/failureThreshold", 600);
                Box::new(Probe { period_seconds: 1, failure_threshold, ..health_probe() })
            }),
            resources: self.sidecar_resources(),
            security_context: self.of_sidecar().into(),
            ..self.proxy()
        };
        let volumes = VOLUMES.iter().chain(&[CRL_VOLUME]).map(|name| self.volume(name)).collect();
        Filled { labels, annotations, init, proxy, volumes, native: self.native }
    }

    fn gateway(self) -> Filled {
        Filled {
            labels: canonical_labels(self.pod, self.owner),
            annotations: self.default_container(),
            init: None,
            proxy: Container { lifecycle: self.settings.part("/global/proxy/lifecycle"), ..self.proxy() },
            volumes: VOLUMES.iter().map(|name| self.volume(name)).collect(),
            native: false,
        }
    }

    fn proxy(&self) -> Container {
        Container {
            name: PROXY.to_owned(),
            image: self.image("/global/proxy/image"),
            env: self.env(),
            ports: vec![ContainerPort {
                name: "http-envoy-prom".into(),
                container_port: METRICS_PORT,
                protocol: "TCP".into(),
                ..ContainerPort::default()
            }],
            readiness_probe: Some(Box::new(self.readiness_probe())),
            security_context: self.of_gateway().into(),
            ..Container::default()
        }
    }

    fn init(&self) -> Container {
        let is_redirecting = !self.settings.flag("/pilot/cni/enabled", false);
        let name = INIT[usize::from(is_redirecting)];
        Container {
            name: name.to_owned(),
            image: self.image("/global/proxy_init/image"),
            env: self.config.metadata().into_iter().map(|(key, value)| variable(&key, value)).collect(),
            resources: self.sidecar_resources(),
            security_context: self.of_init(is_redirecting).into(),
            ..Container::default()
        }
    }

    /// True if the proxy's metadata turns something on.
    pub(super) fn has_metadata(&self, name: &str) -> bool {
        self.config.metadata().iter().any(|(key, value)| key == name && value == "true")
    }

    fn volume(&self, name: &str) -> Volume {
        let source = CONFIG_MAPS.iter().find(|(volume, _, _)| *volume == name);
        let config_map = source.map(|(_, name, optional)| {
            Box::new(ObjectSource { name: (*name).to_owned(), optional: *optional })
        });
        let projected = (name == TOKEN_VOLUME).then(|| Box::new(self.token()));
        Volume { name: name.to_owned(), config_map, projected, ..Volume::default() }
    }

    fn token(&self) -> ProjectedVolumeSource {
        let audience = self.settings.text("/global/sds/token/aud", "istio-ca");
        let token = Some(Box::new(ServiceAccountTokenProjection { audience }));
        let source = VolumeProjection { service_account_token: token, ..VolumeProjection::default() };
        ProjectedVolumeSource { sources: vec![source] }
    }

    /// `ProxyImage` of `pkg/kube/inject/inject.go`: a name with a slash is a whole reference.
    fn image(&self, path: &str) -> String {
        let named = self.settings.text(path, "proxyv2");
        let name = self.pod.metadata.annotation("sidecar.istio.io/proxyImage").unwrap_or(&named);
        if name.contains('/') {
            return name.to_owned();
        }
        let (hub, mut tag) = self.settings.hub_and_tag();
        let variant = self.settings.text("/global/variant", "");
        let image_type =
            if self.config.image_type().is_empty() { &variant } else { self.config.image_type() };
        if !image_type.is_empty() {
            for known in IMAGE_TYPES {
                tag = tag.strip_suffix(known).map_or(tag.clone(), str::to_owned);
            }
            if image_type != "default" {
                tag = format!("{tag}-{image_type}");
            }
        }
        format!("{hub}/{name}:{tag}")
    }

    pub(super) fn interception_mode(&self) -> &str {
        let asked = self.pod.metadata.annotation("sidecar.istio.io/interceptionMode");
        asked.unwrap_or_else(|| self.config.interception_mode())
    }

    pub(super) fn app_containers(&self) -> Vec<&str> {
        let names = self.pod.spec.containers.iter().map(|container| container.name.as_str());
        names.filter(|name| *name != PROXY).collect()
    }

    fn default_container(&self) -> StringMap {
        let keys =
            ["kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container"];
        let first = self.app_containers().first().map(|name| (*name).to_owned());
        first.map(|first| keys.map(|key| (key.to_owned(), first.clone())).into()).unwrap_or_default()
    }

    /// What istio-cni reads.
    fn redirection(&self) -> StringMap {
        let text = |path: &str, default: &str| self.settings.text(path, default);
        let excluded: Vec<String> =
            [self.settings.status_port().to_string(), text("/global/proxy/excludeInboundPorts", "")]
                .into_iter()
                .filter(|port| !port.is_empty())
                .collect();
        let prefix = "traffic.sidecar.istio.io";
        StringMap::from([
            ("sidecar.istio.io/interceptionMode".to_owned(), self.interception_mode().to_owned()),
            (format!("{prefix}/includeOutboundIPRanges"), text("/global/proxy/includeIPRanges", "*")),
            (format!("{prefix}/includeInboundPorts"), text("/global/proxy/includeInboundPorts", "*")),
            (format!("{prefix}/excludeInboundPorts"), excluded.join(",")),
        ])
    }

    /// A lifecycle among the values replaces the hook that drains a native sidecar.
    fn lifecycle(&self) -> Option<Lifecycle> {
        let hook = |command: &[String]| {
            let exec = ExecAction { command: command.to_vec() };
            Some(LifecycleHandler { exec: Some(exec), ..LifecycleHandler::default() })
        };
        if let Some(set) = self.settings.part("/global/proxy/lifecycle") {
            return Some(set);
        }
        if self.native {
            let port = self.int_annotation("status.sidecar.istio.io/port", self.settings.status_port());
            let words = [
                "pilot-agent".into(),
                "request".into(),
                format!("--debug-port={port}"),
                "POST".into(),
                "drain".into(),
            ];
            return Some(Lifecycle { pre_stop: hook(&words), post_start: None });
        }
        let holds = self.config.holds_app()
            || self.settings.flag("/global/proxy/holdApplicationUntilProxyStarts", false);
        let words = ["pilot-agent".to_owned(), "wait".to_owned()];
        holds.then(|| Lifecycle { pre_stop: None, post_start: hook(&words) })
    }

    fn sidecar_resources(&self) -> Resources {
        let asked = |key: &str| self.pod.metadata.annotation(key).map(stored);
        let mut resources = Resources::default();
        for (resource, request, limit) in RESOURCE_ANNOTATIONS {
            resources.requests.extend(asked(request).map(|value| (resource.to_owned(), value)));
            resources.limits.extend(asked(limit).map(|value| (resource.to_owned(), value)));
        }
        if resources == Resources::default() { self.settings.resources() } else { resources }
    }

    fn readiness_probe(&self) -> Probe {
        let number = |annotation: &str, value: &str, default: i32| {
            let set = self.settings.number(&format!("/global/proxy/readiness{value}"), default);
            if self.is_gateway {
                set
            } else {
                self.int_annotation(&format!("readiness.status.sidecar.istio.io/{annotation}"), set)
            }
        };
        Probe {
            initial_delay_seconds: number("initialDelaySeconds", "InitialDelaySeconds", 0),
            period_seconds: number("periodSeconds", "PeriodSeconds", 15),
            failure_threshold: number("failureThreshold", "FailureThreshold", 4),
            ..health_probe()
        }
    }

    fn int_annotation(&self, key: &str, default: i32) -> i32 {
        self.pod.metadata.annotation(key).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}

/// The agent's health check, with the API server's defaults.
fn health_probe() -> Probe {
    let path = HttpGetAction {
        path: "/healthz/ready".into(),
        port: IntOrString::Int(HEALTH_PORT),
        scheme: "HTTP".into(),
    };
    Probe { http_get: Some(path), timeout_seconds: 3, success_threshold: 1, ..Probe::default() }
}
