//! EndpointSlice controller (`pkg/controller/endpointslice`, `staging/src/k8s.io/endpointslice`).

use meshlift_model::k8s::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSlice, IntOrString, ObjectMeta, Pod, Resource,
    Service, TargetRef,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::selector::LabelSelector;

use super::pods;
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, DeleteOptions, Store};

/// Label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label that names who manages a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// The value of that label for this controller.
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// Most endpoints of a slice (`--max-endpoints-per-slice`).
const ENDPOINTS_MAX: usize = 100;

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct EndpointSlices;

impl Actor for EndpointSlices {
    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(service) = change.of::<Service>() {
            wakes.now(service.object_ref());
        } else if let Some(slice) = change.of::<EndpointSlice>().filter(|slice| is_managed(slice)) {
            if let Some(name) = slice.metadata.label(SERVICE_NAME) {
                wakes.now(ObjectRef::new(Service::KIND, &slice.metadata.namespace, name));
            }
        } else if let Some(pod) = pods::pod_of(change) {
            let before = change.before::<Pod>();
            if !change.is_deletion() && before.is_some_and(|before| !matters(before, pod)) {
                return;
            }
            let selects = |service: &&Service| {
                let covers = |pod: &Pod| selects(service, pod);
                covers(pod) || before.is_some_and(covers)
            };
            let services = cluster.store.list::<Service>(&pod.metadata.namespace).filter(selects);
            services.for_each(|service| wakes.now(service.object_ref()));
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(service) = cluster.store.get::<Service>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        if service.spec.selector.is_empty() || service.spec.type_ == "ExternalName" {
            return Ok(Requeue::Done);
        }
        let wanted = groups(&service, &cluster.store);
        let existing: Vec<EndpointSlice> = cluster
            .store
            .list::<EndpointSlice>(&key.namespace)
            .filter(|slice| is_managed(slice) && slice.metadata.label(SERVICE_NAME) == Some(&key.name))
            .cloned()
            .collect();
        reconcile(&service, wanted, existing, &mut cluster.store)?;
        Ok(Requeue::Done)
    }

    fn lag_millis(&self, cluster: &Cluster) -> (i64, i64) {
        cluster.config.endpoint_lag_millis
    }
}

fn is_managed(slice: &EndpointSlice) -> bool {
    slice.metadata.label(MANAGED_BY) == Some(CONTROLLER)
}

fn selects(service: &Service, pod: &Pod) -> bool {
    !service.spec.selector.is_empty()
        && LabelSelector::of_labels(&service.spec.selector).matches(&pod.metadata.labels)
}

/// True if the change of a pod can change its endpoint (`podEndpointsChanged`).
fn matters(before: &Pod, after: &Pod) -> bool {
    let facts = |pod: &Pod| {
        (
            pod.is_ready(),
            pod.is_finished(),
            pods::is_terminating(pod),
            pod.status.pod_ip.clone(),
            pod.metadata.labels.clone(),
        )
    };
    facts(before) != facts(after)
}

/// Ports, and the endpoints that have them.
type Group = (Vec<EndpointPort>, Vec<Endpoint>);

/// The endpoints of a Service, by the ports that they resolve to.
fn groups(service: &Service, store: &Store) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let members = store
        .list::<Pod>(&service.metadata.namespace)
        .filter(|pod| selects(service, pod) && !pod.is_finished() && !pod.status.pod_ip.is_empty());
    for pod in members {
        let ports = ports_of(service, pod);
        let endpoint = endpoint_of(service, pod);
        match groups.iter_mut().find(|(known, _)| *known == ports) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => groups.push((ports, vec![endpoint])),
        }
    }
    groups
}

/// `podToEndpoint`.
fn endpoint_of(service: &Service, pod: &Pod) -> Endpoint {
    let (serving, terminating) = (pod.is_ready(), pods::is_terminating(pod));
    let ready = service.spec.publish_not_ready_addresses || (serving && !terminating);
    Endpoint {
        addresses: vec![pod.status.pod_ip.clone()],
        conditions: EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        },
        target_ref: Some(TargetRef {
            kind: Pod::KIND.into(),
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
        }),
    }
}

/// The Service's ports with the numbers that this pod gives them (`getEndpointPorts`).
fn ports_of(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let number = |target: &IntOrString, protocol: &str, port: i32| match target {
        // An absent target port is the Service's own.
        IntOrString::Int(0) => Some(port),
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => pod
            .spec
            .containers
            .iter()
            .chain(pod.spec.init_containers.iter().filter(|init| init.restart_policy == "Always"))
            .flat_map(|container| &container.ports)
            .find(|port| port.name == *name && or_tcp(&port.protocol) == protocol)
            .map(|port| port.container_port),
    };
    service
        .spec
        .ports
        .iter()
        .filter_map(|port| {
            let protocol = or_tcp(&port.protocol);
            Some(EndpointPort {
                name: port.name.clone(),
                port: number(&port.target_port, protocol, port.port)?,
                protocol: protocol.into(),
            })
        })
        .collect()
}

fn or_tcp(protocol: &str) -> &str {
    if protocol.is_empty() { "TCP" } else { protocol }
}

/// Brings the slices of a Service to what is wanted. Slices whose ports nobody has any more are used again
/// before new ones are made; one stays as a placeholder where there is no endpoint at all.
fn reconcile(
    service: &Service,
    wanted: Vec<Group>,
    mut existing: Vec<EndpointSlice>,
    store: &mut Store,
) -> Result<(), ApiError> {
    let mut updates: Vec<(Option<EndpointSlice>, Group)> = Vec::new();
    for (ports, endpoints) in wanted {
        let (same, others): (Vec<_>, Vec<_>) =
            existing.into_iter().partition(|slice| are_same(&slice.ports, &ports));
        existing = others;
        let mut slices = same.into_iter();
        let mut left = endpoints;
        loop {
            let slice = slices.next();
            if slice.is_none() && left.is_empty() {
                break;
            }
            let known = slice.as_ref().map(|slice| slice.endpoints.as_slice()).unwrap_or_default();
            let filled = fill(known, &mut left);
            let ports = slice.as_ref().map_or(&ports, |slice| &slice.ports).clone();
            updates.push((slice, (ports, filled)));
        }
    }
    if updates.iter().all(|(_, (_, endpoints))| endpoints.is_empty()) {
        let kept = updates.drain(..).find_map(|(slice, _)| slice).or_else(|| existing.pop());
        updates.push((kept, (Vec::new(), Vec::new())));
    }
    for (slice, group) in updates {
        match slice.or_else(|| existing.pop()) {
            Some(slice) => store_slice(slice, group, store)?,
            None => create_slice(service, group, store)?,
        }
    }
    for slice in existing {
        store.delete(&slice.object_ref(), &DeleteOptions::default())?;
    }
    Ok(())
}

/// True for the same ports in any order: upstream's order is that of their hashes.
fn are_same(a: &[EndpointPort], b: &[EndpointPort]) -> bool {
    a.len() == b.len() && a.iter().all(|port| b.contains(port))
}

/// Takes out of `left` what a slice keeps, in its order, then what it has room for.
fn fill(known: &[Endpoint], left: &mut Vec<Endpoint>) -> Vec<Endpoint> {
    let mut filled = Vec::new();
    for former in known {
        let same = |endpoint: &Endpoint| {
            endpoint.addresses == former.addresses && endpoint.target_ref == former.target_ref
        };
        if let Some(place) = left.iter().position(same) {
            filled.push(left.remove(place));
        }
    }
    let room = ENDPOINTS_MAX.saturating_sub(filled.len()).min(left.len());
    filled.extend(left.drain(..room));
    filled
}

fn store_slice(mut slice: EndpointSlice, group: Group, store: &mut Store) -> Result<(), ApiError> {
    (slice.ports, slice.endpoints) = group;
    store.update(slice).map(drop)
}

fn create_slice(service: &Service, group: Group, store: &mut Store) -> Result<(), ApiError> {
    let mut labels = service.metadata.labels.clone();
    labels.insert(SERVICE_NAME.to_owned(), service.metadata.name.clone());
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    if service.spec.cluster_ip == "None" {
        labels.insert("service.kubernetes.io/headless".to_owned(), String::new());
    }
    let (ports, endpoints) = group;
    store
        .create(EndpointSlice {
            metadata: ObjectMeta {
                generate_name: format!("{}-", service.metadata.name).into(),
                namespace: service.metadata.namespace.clone(),
                labels,
                owner_references: vec![pods::controller_of(service)].into(),
                ..ObjectMeta::default()
            },
            address_type: "IPv4".into(),
            endpoints,
            ports,
        })
        .map(drop)
}
