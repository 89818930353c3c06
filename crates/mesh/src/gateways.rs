//! Gateways of all kinds: who owns them, what they run, what stands before them.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::{GATEWAY_LABEL, REV_LABEL};
use meshlift_model::k8s::{Gateway, GatewayClass, IstioGateway, Resource, Secret, Service, StringMap};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::bare::PROXY_CONTAINER;
use crate::by_label::Selectors;
use crate::facts::{ByReference, Follows, GatewayFacts, GatewayKind, Role, Workload};
use crate::in_order::InOrder;
use crate::index::{Index, by_namespace, selects};
use crate::tags::Names;

/// Controllers of Istio's that make Deployments, with the class that each names by default (istio:
/// pilot/pkg/config/kube/gatewaycommon/classinfo.go).
const CONTROLLERS: [(&str, &str, GatewayKind); 4] = [
    ("istio.io/gateway-controller", "istio", GatewayKind::Managed),
    ("istio.io/mesh-controller", "istio-waypoint", GatewayKind::Waypoint),
    ("istio.io/eastwest-controller", "istio-east-west", GatewayKind::Managed),
    ("istio.io/agentgateway-controller", "istio-agentgateway", GatewayKind::Managed),
];

/// What gateways are made from.
pub(crate) struct Gates<'m, 'a> {
    pub(crate) index: &'m Index<'a>,
    pub(crate) names: &'m Names<'m>,
    pub(crate) workloads: &'m ByReference<Workload>,
    istio_gateways: Selectors<'a, IstioGateway>,
    /// Secrets by namespace, sorted by name.
    secrets: InOrder<&'a str, Vec<&'a Secret>>,
}

/// All gateways, sorted by reference.
pub(crate) fn gateways(gates: &Gates<'_, '_>) -> Vec<GatewayFacts> {
    let injected = gates.workloads.values().filter(|one| one.role == Role::InjectedGateway);
    // Gateways of many namespaces often have the same labels, and are selected by the same objects.
    let mut credentials: BTreeMap<&StringMap, BTreeSet<&str>> = BTreeMap::new();
    let injected = injected.map(|workload| {
        let labels: &StringMap = &workload.template.metadata.labels;
        gates.injected(workload, credentials.entry(labels).or_insert_with(|| gates.credentials(labels)))
    });
    let mut all: Vec<GatewayFacts> = injected.collect();
    let deployments = gates.managed_deployments();
    let managed = gates.index.snapshot.objects.gateways.iter();
    all.extend(managed.filter_map(|gateway| gates.managed(gateway, &deployments)));
    all.sort_by(|a, b| a.gateway.cmp(&b.gateway));
    all
}

impl<'m, 'a> Gates<'m, 'a> {
    pub(crate) fn new(
        index: &'m Index<'a>,
        names: &'m Names<'m>,
        workloads: &'m ByReference<Workload>,
    ) -> Self {
        let objects = &index.snapshot.objects;
        let istio_gateways =
            Selectors::new(objects.istio_gateways.iter().collect(), |gateway| &gateway.spec.selector);
        Self { index, names, workloads, istio_gateways, secrets: by_namespace(&objects.secrets) }
    }

    fn injected(&self, workload: &Workload, credentials: &BTreeSet<&str>) -> GatewayFacts {
        // A container with an image of its own was rendered by an installer; `auto` waits for injection.
        let own = |container: &&meshlift_model::k8s::Container| {
            container.name == PROXY_CONTAINER && container.image != "auto" && !container.image.is_empty()
        };
        let rendered = workload.template.spec.containers.iter().any(|one| own(&one));
        let kind = if rendered && workload.on_restart.revision.is_none() {
            GatewayKind::Rendered
        } else {
            GatewayKind::Injected
        };
        let by_label = workload.template.metadata.label(REV_LABEL).map(RevisionName::new);
        let (follows, owner) = match kind {
            GatewayKind::Rendered => (Follows::Nothing, by_label),
            GatewayKind::Injected | GatewayKind::Managed | GatewayKind::Waypoint => {
                (workload.follows.clone(), workload.on_restart.revision.clone())
            }
        };
        let namespace = &workload.workload.namespace;
        let secrets = credentials.iter().filter_map(|name| credential(namespace, name)).collect();
        self.facts(workload.workload.clone(), kind, Some(workload), (follows, owner), secrets)
    }

    fn managed(
        &self,
        gateway: &Gateway,
        deployments: &BTreeMap<(&str, &str), &'m Workload>,
    ) -> Option<GatewayFacts> {
        let kind = self.kind(gateway)?;
        if !is_managed(gateway) {
            return None;
        }
        let metadata = &gateway.metadata;
        let (labels, _) = self.index.labels_of(&metadata.namespace);
        let selected = match (metadata.label(REV_LABEL), labels.get(REV_LABEL)) {
            (Some(name), _) => self.names.resolve(name),
            (None, Some(name)) => self.names.resolve(name),
            (None, None) => self.names.default(),
        };
        let workload = deployments.get(&(metadata.namespace.as_str(), metadata.name.as_str())).copied();
        let mut facts =
            self.facts(gateway.object_ref(), kind, workload, selected, self.certificates(gateway));
        let infrastructure = gateway.spec.infrastructure.as_ref();
        facts.frozen = infrastructure.is_some_and(|one| !one.labels.is_empty());
        facts.ignored = match (metadata.label(REV_LABEL), labels.get(REV_LABEL)) {
            (Some(own), Some(other)) if own != other => Some(format!(
                "its namespace's {REV_LABEL}={other} is ignored: its own {REV_LABEL}={own} wins"
            )),
            _same => None,
        };
        Some(facts)
    }

    fn facts(
        &self,
        gateway: ObjectRef,
        kind: GatewayKind,
        workload: Option<&Workload>,
        (follows, owner): (Follows, Option<RevisionName>),
        secrets: BTreeSet<String>,
    ) -> GatewayFacts {
        let services = workload.map_or_else(Vec::new, |workload| self.services(workload));
        let outside = services.iter().any(|(_, type_)| type_ == "LoadBalancer" || type_ == "NodePort");
        let host_ports = workload.is_some_and(|workload| {
            let mut ports = workload.template.spec.all_containers().flat_map(|container| &container.ports);
            ports.any(|port| port.host_port != 0)
        });
        GatewayFacts {
            gateway,
            kind,
            deployment: workload.map(|workload| workload.workload.clone()),
            follows,
            owner,
            running: workload.map(|workload| workload.now.clone()).unwrap_or_default(),
            frozen: false,
            replicas: workload.map_or(0, |workload| workload.replicas),
            services,
            exposed_outside: outside || host_ports,
            budgets: workload.map(|workload| workload.budgets.clone()).unwrap_or_default(),
            secrets: self.look_up(secrets),
            ignored: workload.and_then(|workload| workload.ignored.clone()),
        }
    }

    /// Kind by the controller of the Gateway's class; `None` for classes of others.
    fn kind(&self, gateway: &Gateway) -> Option<GatewayKind> {
        let name = &gateway.spec.gateway_class_name;
        let classes = &self.index.snapshot.objects.gateway_classes;
        let class = classes.iter().find(|class| class.metadata.name == *name);
        let found = match class {
            Some(class) => CONTROLLERS.iter().find(|(of, _, _)| *of == class.spec.controller_name),
            // Where classes were not read, Istio's own names of them tell.
            None if self.index.doubt::<GatewayClass>().is_some() => {
                CONTROLLERS.iter().find(|(_, of, _)| of == name)
            }
            None => None,
        };
        found.map(|(_, _, kind)| *kind)
    }

    /// Workloads that were made for a Gateway, by its namespace and name.
    fn managed_deployments(&self) -> BTreeMap<(&'m str, &'m str), &'m Workload> {
        let made =
            self.workloads.values().filter(|one| matches!(one.role, Role::ManagedGateway | Role::Waypoint));
        made.filter_map(|workload| {
            let gateway = workload.template.metadata.label(GATEWAY_LABEL)?;
            Some(((workload.workload.namespace.as_str(), gateway), workload))
        })
        .collect()
    }

    fn services(&self, workload: &Workload) -> Vec<(ObjectRef, String)> {
        let services = workload.services.iter();
        let known = services.filter_map(|one| Some((one, self.index.service(&one.namespace, &one.name)?)));
        known.map(|(one, service)| (one.clone(), type_of(service))).collect()
    }

    /// Names that Istio Gateways have for the credentials of pods with these labels: they are looked up beside the pods.
    fn credentials(&self, labels: &StringMap) -> BTreeSet<&'a str> {
        let near = self.istio_gateways.near(labels).into_owned().into_iter();
        let selecting = near.filter(|gateway| selects(&gateway.spec.selector, labels));
        let servers = selecting.flat_map(|gateway| &gateway.spec.servers);
        servers.filter_map(|server| server.tls.as_ref()).map(|tls| tls.credential_name.as_str()).collect()
    }

    /// Secrets that a Gateway API Gateway names.
    fn certificates(&self, gateway: &Gateway) -> BTreeSet<String> {
        let listeners = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        let refs = listeners.flat_map(|tls| &tls.certificate_refs);
        let secrets = refs.filter(|one| one.kind.is_empty() || one.kind == Secret::KIND);
        secrets
            .map(|one| {
                let namespace = one.namespace.as_deref().filter(|name| !name.is_empty());
                format!("{}/{}", namespace.unwrap_or(&gateway.metadata.namespace), one.name)
            })
            .collect()
    }

    fn look_up(&self, names: BTreeSet<String>) -> BTreeMap<String, Option<bool>> {
        let readable = self.index.doubt::<Secret>().is_none();
        let exists = |path: &str| {
            let (namespace, name) = path.split_once('/').unwrap_or(("", path));
            let has = |list: &Vec<&Secret>| {
                list.binary_search_by(|secret| secret.metadata.name.as_str().cmp(name)).is_ok()
            };
            self.secrets.get(namespace).is_some_and(has)
        };
        names.into_iter().map(|path| (path.clone(), readable.then(|| exists(&path)))).collect()
    }
}

/// True if istiod makes its Deployment: no hostname and at most one address is asked for (istio:
/// pilot/pkg/config/kube/gatewaycommon/gateway_utils.go, `IsManaged`).
fn is_managed(gateway: &Gateway) -> bool {
    match gateway.spec.addresses.as_slice() {
        [] => true,
        [only] => only.type_.is_empty() || only.type_ == "IPAddress",
        _several => false,
    }
}

fn type_of(service: &Service) -> String {
    if service.spec.type_.is_empty() { "ClusterIP".to_owned() } else { service.spec.type_.to_string() }
}

/// `NAMESPACE/NAME` of a credential; `None` where it is no Secret.
fn credential(namespace: &str, name: &str) -> Option<String> {
    if let Some(path) = name.strip_prefix("kubernetes-gateway://") {
        return Some(path.to_owned());
    }
    let name = name.strip_prefix("kubernetes://").unwrap_or(name);
    (!name.is_empty() && !name.contains("://")).then(|| format!("{namespace}/{name}"))
}
