//! Objects as the API server stores them: with the defaults of the fields that the twin reads.

use std::ops::Deref;

use meshlift_model::k8s::{
    Container, Deployment, IntOrString, Object, PodSpec, Probe, RollingUpdate, Service, Webhook,
};
use meshlift_model::selector::LabelSelector;

use crate::admission::stored;
use crate::seed::text_hash;
use crate::store::Store;

/// The object with defaults; a Service gets an address that no other has.
pub(super) fn object(object: Object, store: &Store) -> Object {
    let mut object = object;
    if let Object::MutatingWebhookConfiguration(configuration) = &mut object {
        for hook in &mut configuration.webhooks {
            webhook(hook);
            or(&mut hook.reinvocation_policy, "Never");
        }
    } else if let Object::ValidatingWebhookConfiguration(configuration) = &mut object {
        configuration.webhooks.iter_mut().for_each(webhook);
    } else if let Object::Service(inner) = &mut object {
        service(inner, store);
    } else if let Object::Deployment(inner) = &mut object {
        deployment(inner);
    }
    object
}

fn or<T: Deref<Target = str> + for<'a> From<&'a str>>(text: &mut T, default: &str) {
    if text.is_empty() {
        *text = default.into();
    }
}

fn or_number(number: &mut i32, default: i32) {
    if *number == 0 {
        *number = default;
    }
}

fn webhook(webhook: &mut Webhook) {
    or(&mut webhook.failure_policy, "Fail");
    webhook.timeout_seconds.get_or_insert(10);
    webhook.namespace_selector.get_or_insert_with(LabelSelector::default);
    webhook.object_selector.get_or_insert_with(LabelSelector::default);
    webhook.rules.iter_mut().for_each(|rule| or(&mut rule.scope, "*"));
    if let Some(service) = &mut webhook.client_config.service {
        service.port.get_or_insert(443);
    }
}

fn service(service: &mut Service, store: &Store) {
    or(&mut service.spec.type_, "ClusterIP");
    for port in &mut service.spec.ports {
        or(&mut port.protocol, "TCP");
        if port.target_port == IntOrString::default() {
            port.target_port = IntOrString::Int(port.port);
        }
    }
    if service.spec.cluster_ip.is_empty() {
        service.spec.cluster_ip = free_address(service, store).into();
    }
}

/// An address of 10.96.0.0/16 that no Service has.
fn free_address(service: &Service, store: &Store) -> String {
    let start = text_hash(&service.metadata.path());
    (0..)
        .map(|step| start.wrapping_add(step))
        .map(|number| format!("10.96.{}.{}", 1 + number % 254, 1 + number / 254 % 254))
        .find(|address| store.list_all::<Service>().all(|other| other.spec.cluster_ip != *address))
        .unwrap_or_default()
}

fn deployment(deployment: &mut Deployment) {
    let spec = &mut deployment.spec;
    spec.replicas.get_or_insert(1);
    spec.progress_deadline_seconds.get_or_insert(600);
    spec.revision_history_limit.get_or_insert(10);
    or(&mut spec.strategy.type_, "RollingUpdate");
    if spec.strategy.type_ == "RollingUpdate" {
        let quarter = || Some(IntOrString::String("25%".to_owned()));
        let rolling = spec.strategy.rolling_update.get_or_insert_with(RollingUpdate::default);
        rolling.max_surge = rolling.max_surge.take().or_else(quarter);
        rolling.max_unavailable = rolling.max_unavailable.take().or_else(quarter);
    }
    pod_spec(&mut spec.template.spec);
}

fn pod_spec(spec: &mut PodSpec) {
    or(&mut spec.restart_policy, "Always");
    spec.termination_grace_period_seconds.get_or_insert(30);
    or(&mut spec.service_account_name, "default");
    spec.init_containers.iter_mut().chain(&mut spec.containers).for_each(container);
}

fn container(container: &mut Container) {
    let quantities = container.resources.requests.values_mut().chain(container.resources.limits.values_mut());
    quantities.for_each(|quantity| *quantity = stored(quantity));
    container.ports.iter_mut().for_each(|port| or(&mut port.protocol, "TCP"));
    [&mut container.readiness_probe, &mut container.startup_probe, &mut container.liveness_probe]
        .into_iter()
        .flatten()
        .for_each(|one| probe(one));
}

fn probe(probe: &mut Probe) {
    or_number(&mut probe.period_seconds, 10);
    or_number(&mut probe.timeout_seconds, 1);
    or_number(&mut probe.success_threshold, 1);
    or_number(&mut probe.failure_threshold, 3);
    if let Some(get) = &mut probe.http_get {
        or(&mut get.scheme, "HTTP");
    }
}
