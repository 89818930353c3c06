//! A workload's pod as injection makes it.

use meshlift_model::k8s::{
    Container, ContainerPort, ExecAction, HttpGetAction, IntOrString, Lifecycle, LifecycleHandler, Pod,
    PodTemplateSpec, Probe, Resources, StringMap,
};

use crate::bare::PROXY_CONTAINER;
use crate::drafts::Draft;
use crate::facts::Injection;
use crate::proxy::{is_gateway, proxy_container};
use crate::rollout::has_hash;
use crate::settings::Settings;
use crate::workloads::Workshop;

/// Port on which the proxy tells whether it is ready (istio: injection template).
const STATUS_PORT: i32 = 15021;
/// Port of the proxy's own metrics.
const METRICS_PORT: i32 = 15090;

/// A running pod's spec where one shows what a restart gives, else the template with the proxy that the
/// revision would add; `None` where it gets no sidecar and has no pod.
///
/// The prediction has what rollouts and capacity depend on: containers, image, probes, hook, resources. It
/// has no environment, and probes of the app stay as they are written.
pub(crate) fn as_injected(
    draft: &Draft<'_>,
    on_restart: &Injection,
    pods: &[&Pod],
    shop: &Workshop<'_, '_>,
) -> Option<PodTemplateSpec> {
    let of_newest = |pod: &Pod| draft.newest.is_some_and(|hash| has_hash(pod, hash));
    let fits = |pod: &Pod| on_restart.revision.is_none() || proxy_container(&pod.spec).is_some();
    let best = pods.iter().filter(|pod| fits(pod)).max_by_key(|pod| {
        let stays = pod.metadata.deletion_timestamp.is_none();
        let newer = (pod.metadata.creation_timestamp, std::cmp::Reverse(&pod.metadata.name));
        (stays, of_newest(pod), proxy_container(&pod.spec).is_some(), newer)
    });
    if let Some(pod) = best {
        let mut template = PodTemplateSpec { spec: pod.spec.clone(), ..PodTemplateSpec::default() };
        template.metadata.labels = pod.metadata.labels.clone();
        template.metadata.annotations = pod.metadata.annotations.clone();
        template.spec.node_name.clear();
        return Some(template);
    }
    let settings = shop.injectors.settings(on_restart.revision.as_ref()?)?;
    Some(predicted(&draft.template, settings, on_restart.native.unwrap_or(false)))
}

/// The template with the revision's proxy.
pub(crate) fn predicted(template: &PodTemplateSpec, settings: &Settings, native: bool) -> PodTemplateSpec {
    let mut template = template.clone();
    let image = settings.proxy_image.clone().unwrap_or_default();
    let (period, failures) = settings.ready_probe;
    let spec = &mut template.spec;
    if let Some(own) = spec.containers.iter_mut().find(|container| container.name == PROXY_CONTAINER) {
        // `image: auto`: the maker wrote the container, injection fills it.
        own.image = image;
        own.readiness_probe.get_or_insert_with(|| ready_probe(period, failures));
        if own.ports.iter().all(|port| port.container_port != METRICS_PORT) {
            own.ports.push(metrics_port());
        }
        return template;
    }
    let resources = resources(&template.metadata.annotations, settings);
    let gateway = is_gateway(&template.metadata.annotations, spec);
    if !gateway {
        let name = if settings.cni { "istio-validation" } else { "istio-init" };
        let resources = settings.proxy_resources.clone();
        let init =
            Container { name: name.to_owned(), image: image.clone(), resources, ..Container::default() };
        // Before the app's own init containers, so that the proxy can serve them.
        spec.init_containers.insert(0, init);
    }
    let mut proxy = Container {
        name: PROXY_CONTAINER.to_owned(),
        image,
        ports: vec![metrics_port()],
        resources,
        readiness_probe: Some(ready_probe(period, failures)),
        startup_probe: settings
            .startup_failures
            .filter(|_| !gateway)
            .map(|failures| ready_probe(1, failures)),
        ..Container::default()
    };
    if native {
        proxy.restart_policy = "Always".to_owned();
        proxy.lifecycle = Some(drain_hook());
        let place = spec.init_containers.len().min(1);
        spec.init_containers.insert(place, proxy);
    } else {
        spec.containers.push(proxy);
    }
    template
}

fn metrics_port() -> ContainerPort {
    ContainerPort {
        name: "http-envoy-prom".to_owned(),
        container_port: METRICS_PORT,
        protocol: "TCP".to_owned(),
        ..ContainerPort::default()
    }
}

/// Requests and limits of the proxy: by the pod's annotations where it has any, else as the injector says.
fn resources(annotations: &StringMap, settings: &Settings) -> Resources {
    let asked = |pairs: [(&str, &str); 2]| {
        let found = pairs.into_iter().filter_map(|(resource, key)| {
            let value = annotations.get(&format!("sidecar.istio.io/{key}"))?;
            Some((resource.to_owned(), value.clone()))
        });
        found.collect()
    };
    let own = Resources {
        requests: asked([("cpu", "proxyCPU"), ("memory", "proxyMemory")]),
        limits: asked([("cpu", "proxyCPULimit"), ("memory", "proxyMemoryLimit")]),
    };
    if own == Resources::default() { settings.proxy_resources.clone() } else { own }
}

/// Probe of the proxy (istio: manifests/charts/istio-control/istio-discovery/files/injection-template.yaml).
fn ready_probe(period_seconds: i32, failure_threshold: i32) -> Box<Probe> {
    Box::new(Probe {
        http_get: Some(HttpGetAction {
            path: "/healthz/ready".to_owned(),
            port: IntOrString::Int(STATUS_PORT),
            scheme: "HTTP".to_owned(),
        }),
        period_seconds,
        timeout_seconds: 3,
        success_threshold: 1,
        failure_threshold,
        ..Probe::default()
    })
}

/// Hook of a native sidecar: it is told to drain when the pod is deleted.
fn drain_hook() -> Box<Lifecycle> {
    let command = ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"];
    let exec = ExecAction { command: command.map(str::to_owned).to_vec() };
    let pre_stop = LifecycleHandler { exec: Some(exec), ..LifecycleHandler::default() };
    Box::new(Lifecycle { pre_stop: Some(pre_stop), post_start: None })
}
