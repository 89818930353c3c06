//! All kinds in one list: the trait, the enum, and the store of lists that a snapshot holds.

use serde::{Deserialize, Serialize};

use super::*;
use crate::names::ObjectRef;

/// What every typed kind knows about itself.
pub trait Resource {
    /// Plural with group, as kubectl and the snapshot folder name it: `deployments.apps`.
    const RESOURCE: &'static str;
    /// Kind, such as `Deployment`.
    const KIND: &'static str;
    /// Group and version, such as `apps/v1`.
    const API_VERSION: &'static str;
    /// True for kinds that live in a namespace.
    const NAMESPACED: bool;
    /// True for kinds that every Kubernetes serves; others need a CRD.
    const BUILT_IN: bool;

    /// Metadata.
    fn meta(&self) -> &ObjectMeta;
    /// Metadata, to be changed.
    fn meta_mut(&mut self) -> &mut ObjectMeta;
    /// The list of this kind.
    fn list(objects: &Objects) -> &Vec<Self>
    where
        Self: Sized;
    /// The list of this kind, to be changed.
    fn list_mut(objects: &mut Objects) -> &mut Vec<Self>
    where
        Self: Sized;
    /// Wraps it.
    fn into_object(self) -> Object;
    /// Unwraps it, if it is of this kind.
    fn from_object(object: &Object) -> Option<&Self>;
    /// Unwraps it to be changed, if it is of this kind.
    fn from_object_mut(object: &mut Object) -> Option<&mut Self>;

    /// Reference by kind, namespace and name.
    fn object_ref(&self) -> ObjectRef {
        ObjectRef::new(Self::KIND, &self.meta().namespace, &self.meta().name)
    }
}

/// Facts of a kind, for readers and writers of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// Plural with group.
    pub resource: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Group and version.
    pub api_version: &'static str,
    /// Lives in a namespace.
    pub namespaced: bool,
    /// Served by every Kubernetes.
    pub built_in: bool,
}

/// Work that needs the type of a kind of which only the name is known: see [`with_kind`].
pub trait KindWork {
    /// What it yields.
    type Output;
    /// Does it for one kind.
    fn run<R>(self) -> Self::Output
    where
        R: Resource + Serialize + serde::de::DeserializeOwned + Clone + PartialEq + 'static;
}

impl KindInfo {
    /// Facts of the kind that references name so; `None` where it is not read.
    #[must_use]
    pub fn of(kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|info| info.kind == kind)
    }

    /// Kind as the API server writes it: two kinds are called `Gateway`, and tell themselves apart by group.
    #[must_use]
    pub fn wire_kind(&self) -> &'static str {
        if self.kind == IstioGateway::KIND { "Gateway" } else { self.kind }
    }
}

macro_rules! kinds {
    ($( $field:ident : $type:ident, $kind:literal, $resource:literal, $api:literal, $namespaced:literal, $built_in:literal; )*) => {
        /// An object of any kind that meshlift reads.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Object {
            $(
                #[doc = concat!("`", $api, ".", $kind, "`.")]
                #[serde(rename = $kind)]
                $type($type),
            )*
        }

        /// Typed lists of all objects.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Objects {
            $(
                #[doc = concat!("All of `", $resource, "`.")]
                pub $field: Vec<$type>,
            )*
        }

        /// All kinds, in the order of [`Objects`].
        pub const KINDS: &[KindInfo] = &[
            $( KindInfo {
                resource: $resource, kind: $kind, api_version: $api,
                namespaced: $namespaced, built_in: $built_in,
            }, )*
        ];

        $(
            impl Resource for $type {
                const RESOURCE: &'static str = $resource;
                const KIND: &'static str = $kind;
                const API_VERSION: &'static str = $api;
                const NAMESPACED: bool = $namespaced;
                const BUILT_IN: bool = $built_in;
                fn meta(&self) -> &ObjectMeta { &self.metadata }
                fn meta_mut(&mut self) -> &mut ObjectMeta { &mut self.metadata }
                fn list(objects: &Objects) -> &Vec<Self> { &objects.$field }
                fn list_mut(objects: &mut Objects) -> &mut Vec<Self> { &mut objects.$field }
                fn into_object(self) -> Object { Object::$type(self) }
                fn from_object(object: &Object) -> Option<&Self> {
                    if let Object::$type(inner) = object { Some(inner) } else { None }
                }
                fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
                    if let Object::$type(inner) = object { Some(inner) } else { None }
                }
            }
        )*

        /// Does work for the kind that a resource (`deployments.apps`) names; `None` where it is not known.
        pub fn with_kind<W: KindWork>(resource: &str, work: W) -> Option<W::Output> {
            match resource {
                $( $resource => Some(work.run::<$type>()), )*
                _ => None,
            }
        }

        impl Object {
            /// Facts of its kind.
            #[must_use]
            pub fn info(&self) -> KindInfo {
                match self { $( Self::$type(_) => KindInfo {
                    resource: $resource, kind: $kind, api_version: $api,
                    namespaced: $namespaced, built_in: $built_in,
                }, )* }
            }

            /// Metadata.
            #[must_use]
            pub fn meta(&self) -> &ObjectMeta {
                match self { $( Self::$type(inner) => &inner.metadata, )* }
            }

            /// Metadata, to be changed.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self { $( Self::$type(inner) => &mut inner.metadata, )* }
            }

            /// Reads an object of the named kind; `None` where the kind is not known.
            ///
            /// # Errors
            /// Where the value does not have the shape of its kind.
            pub fn from_value(kind: &str, value: serde_json::Value) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $( $kind => Some(serde_json::from_value(value).map(Self::$type)), )*
                    _ => None,
                }
            }

            /// As JSON with `apiVersion` and `kind`, as kubectl prints it (trimmed).
            ///
            /// # Errors
            /// Never for objects of these types; the signature keeps the failure visible.
            pub fn to_value(&self) -> Result<serde_json::Value, serde_json::Error> {
                let mut value = match self { $( Self::$type(inner) => serde_json::to_value(inner)?, )* };
                if let Some(map) = value.as_object_mut() {
                    let info = self.info();
                    map.insert("apiVersion".into(), info.api_version.into());
                    map.insert("kind".into(), info.wire_kind().into());
                }
                Ok(value)
            }
        }

        impl Objects {
            /// Puts an object into the list of its kind.
            pub fn push(&mut self, object: Object) {
                match object { $( Object::$type(inner) => self.$field.push(inner), )* }
            }

            /// Moves all objects of the other store into this one, and leaves the other empty.
            pub fn take_from(&mut self, other: &mut Self) {
                $(
                    let (list, more) = (&mut self.$field, &mut other.$field);
                    if list.is_empty() {
                        std::mem::swap(list, more);
                    }
                    // Room for an eighth more, not for as many again: a list may be most of what a process holds.
                    if list.capacity() - list.len() < more.len() {
                        list.reserve_exact(more.len().max(list.len() / 8));
                    }
                    list.append(more);
                )*
            }

            /// Gives back the room that no object takes. What is in them: see [`fit_lists`].
            pub fn shrink_to_fit(&mut self) {
                $( self.$field.shrink_to_fit(); )*
            }

            /// Looks at the metadata of all objects, to change it.
            pub fn for_each_meta(&mut self, mut look: impl FnMut(&mut ObjectMeta)) {
                $( self.$field.iter_mut().for_each(|object| look(&mut object.metadata)); )*
            }

            /// Sorts every list by namespace and name.
            pub fn sort(&mut self) {
                $( self.$field.sort_by(|a, b| {
                    (&a.metadata.namespace, &a.metadata.name).cmp(&(&b.metadata.namespace, &b.metadata.name))
                }); )*
            }

            /// All objects of all kinds, wrapped, kind by kind.
            #[must_use]
            pub fn to_vec(&self) -> Vec<Object> {
                let mut all = Vec::new();
                $( all.extend(self.$field.iter().cloned().map(Object::$type)); )*
                all
            }

            /// Objects of all kinds, counted.
            #[must_use]
            pub fn len(&self) -> usize {
                0 $( + self.$field.len() )*
            }

            /// True if there is no object at all.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }
    };
}

impl Objects {
    /// Pod templates of all that makes pods, to be changed.
    pub fn templates_mut(&mut self) -> impl Iterator<Item = &mut PodTemplateSpec> {
        let deployments = self.deployments.iter_mut().map(|one| &mut one.spec.template);
        let replica_sets = self.replica_sets.iter_mut().map(|one| &mut one.spec.template);
        let stateful_sets = self.stateful_sets.iter_mut().map(|one| &mut one.spec.template);
        let daemon_sets = self.daemon_sets.iter_mut().map(|one| &mut one.spec.template);
        let jobs = self.jobs.iter_mut().map(|one| &mut one.spec.template);
        let cron_jobs = self.cron_jobs.iter_mut().map(|one| &mut one.spec.job_template.spec.template);
        deployments.chain(replica_sets).chain(stateful_sets).chain(daemon_sets).chain(jobs).chain(cron_jobs)
    }

    /// Labels by which objects select pods, to be changed.
    pub fn selectors_mut(&mut self) -> impl Iterator<Item = &mut Shared<StringMap>> {
        let services = self.services.iter_mut().map(|one| &mut one.spec.selector);
        let deployments = self.deployments.iter_mut().map(|one| &mut one.spec.selector);
        let replica_sets = self.replica_sets.iter_mut().map(|one| &mut one.spec.selector);
        let stateful_sets = self.stateful_sets.iter_mut().map(|one| &mut one.spec.selector);
        let daemon_sets = self.daemon_sets.iter_mut().map(|one| &mut one.spec.selector);
        let budgets = self.disruption_budgets.iter_mut().filter_map(|one| one.spec.selector.as_mut());
        let selectors =
            deployments.chain(replica_sets).chain(stateful_sets).chain(daemon_sets).chain(budgets);
        services.chain(selectors.map(|selector| &mut selector.match_labels))
    }
}

kinds! {
    namespaces: Namespace, "Namespace", "namespaces", "v1", false, true;
    nodes: Node, "Node", "nodes", "v1", false, true;
    pods: Pod, "Pod", "pods", "v1", true, true;
    services: Service, "Service", "services", "v1", true, true;
    endpoint_slices: EndpointSlice, "EndpointSlice", "endpointslices.discovery.k8s.io", "discovery.k8s.io/v1", true, true;
    config_maps: ConfigMap, "ConfigMap", "configmaps", "v1", true, true;
    secrets: Secret, "Secret", "secrets", "v1", true, true;
    service_accounts: ServiceAccount, "ServiceAccount", "serviceaccounts", "v1", true, true;
    limit_ranges: LimitRange, "LimitRange", "limitranges", "v1", true, true;
    resource_quotas: ResourceQuota, "ResourceQuota", "resourcequotas", "v1", true, true;
    volume_claims: PersistentVolumeClaim, "PersistentVolumeClaim", "persistentvolumeclaims", "v1", true, true;
    deployments: Deployment, "Deployment", "deployments.apps", "apps/v1", true, true;
    replica_sets: ReplicaSet, "ReplicaSet", "replicasets.apps", "apps/v1", true, true;
    stateful_sets: StatefulSet, "StatefulSet", "statefulsets.apps", "apps/v1", true, true;
    daemon_sets: DaemonSet, "DaemonSet", "daemonsets.apps", "apps/v1", true, true;
    controller_revisions: ControllerRevision, "ControllerRevision", "controllerrevisions.apps", "apps/v1", true, true;
    jobs: Job, "Job", "jobs.batch", "batch/v1", true, true;
    cron_jobs: CronJob, "CronJob", "cronjobs.batch", "batch/v1", true, true;
    network_policies: NetworkPolicy, "NetworkPolicy", "networkpolicies.networking.k8s.io", "networking.k8s.io/v1", true, true;
    disruption_budgets: PodDisruptionBudget, "PodDisruptionBudget", "poddisruptionbudgets.policy", "policy/v1", true, true;
    autoscalers: HorizontalPodAutoscaler, "HorizontalPodAutoscaler", "horizontalpodautoscalers.autoscaling", "autoscaling/v2", true, true;
    cluster_roles: ClusterRole, "ClusterRole", "clusterroles.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", false, true;
    cluster_role_bindings: ClusterRoleBinding, "ClusterRoleBinding", "clusterrolebindings.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", false, true;
    roles: Role, "Role", "roles.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", true, true;
    role_bindings: RoleBinding, "RoleBinding", "rolebindings.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", true, true;
    mutating_webhooks: MutatingWebhookConfiguration, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "admissionregistration.k8s.io/v1", false, true;
    validating_webhooks: ValidatingWebhookConfiguration, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations.admissionregistration.k8s.io", "admissionregistration.k8s.io/v1", false, true;
    admission_policies: ValidatingAdmissionPolicy, "ValidatingAdmissionPolicy", "validatingadmissionpolicies.admissionregistration.k8s.io", "admissionregistration.k8s.io/v1", false, true;
    crds: CustomResourceDefinition, "CustomResourceDefinition", "customresourcedefinitions.apiextensions.k8s.io", "apiextensions.k8s.io/v1", false, true;
    gateway_classes: GatewayClass, "GatewayClass", "gatewayclasses.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", false, false;
    gateways: Gateway, "Gateway", "gateways.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", true, false;
    reference_grants: ReferenceGrant, "ReferenceGrant", "referencegrants.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1beta1", true, false;
    istio_gateways: IstioGateway, "Gateway.networking.istio.io", "gateways.networking.istio.io", "networking.istio.io/v1", true, false;
    virtual_services: VirtualService, "VirtualService", "virtualservices.networking.istio.io", "networking.istio.io/v1", true, false;
    destination_rules: DestinationRule, "DestinationRule", "destinationrules.networking.istio.io", "networking.istio.io/v1", true, false;
    service_entries: ServiceEntry, "ServiceEntry", "serviceentries.networking.istio.io", "networking.istio.io/v1", true, false;
    envoy_filters: EnvoyFilter, "EnvoyFilter", "envoyfilters.networking.istio.io", "networking.istio.io/v1alpha3", true, false;
    backend_tls_policies: BackendTLSPolicy, "BackendTLSPolicy", "backendtlspolicies.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", true, false;
    workload_entries: WorkloadEntry, "WorkloadEntry", "workloadentries.networking.istio.io", "networking.istio.io/v1", true, false;
    telemetries: Telemetry, "Telemetry", "telemetries.telemetry.istio.io", "telemetry.istio.io/v1", true, false;
    authorization_policies: AuthorizationPolicy, "AuthorizationPolicy", "authorizationpolicies.security.istio.io", "security.istio.io/v1", true, false;
    request_authentications: RequestAuthentication, "RequestAuthentication", "requestauthentications.security.istio.io", "security.istio.io/v1", true, false;
    wasm_plugins: WasmPlugin, "WasmPlugin", "wasmplugins.extensions.istio.io", "extensions.istio.io/v1alpha1", true, false;
    peer_authentications: PeerAuthentication, "PeerAuthentication", "peerauthentications.security.istio.io", "security.istio.io/v1", true, false;
    sidecars: Sidecar, "Sidecar", "sidecars.networking.istio.io", "networking.istio.io/v1", true, false;
    proxy_configs: ProxyConfig, "ProxyConfig", "proxyconfigs.networking.istio.io", "networking.istio.io/v1beta1", true, false;
    workload_groups: WorkloadGroup, "WorkloadGroup", "workloadgroups.networking.istio.io", "networking.istio.io/v1", true, false;
    http_routes: HTTPRoute, "HTTPRoute", "httproutes.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", true, false;
    grpc_routes: GRPCRoute, "GRPCRoute", "grpcroutes.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", true, false;
    tls_routes: TLSRoute, "TLSRoute", "tlsroutes.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", true, false;
    tcp_routes: TCPRoute, "TCPRoute", "tcproutes.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", true, false;
}

macro_rules! metadata_only {
    ($( $(#[$meta:meta])* $name:ident ),* $(,)?) => { $(
        api! {
            $(#[$meta])*
            pub struct $name {
                /// Metadata.
                pub metadata: ObjectMeta,
            }
        }
    )* };
}

metadata_only! {
    /// `v1.ServiceAccount`, metadata alone.
    ServiceAccount,
    /// `rbac.authorization.k8s.io/v1.ClusterRole`, metadata alone.
    ClusterRole,
    /// `rbac.authorization.k8s.io/v1.ClusterRoleBinding`, metadata alone.
    ClusterRoleBinding,
    /// `rbac.authorization.k8s.io/v1.Role`, metadata alone.
    Role,
    /// `rbac.authorization.k8s.io/v1.RoleBinding`, metadata alone.
    RoleBinding,
    /// `security.istio.io.PeerAuthentication`, metadata alone.
    PeerAuthentication,
    /// `networking.istio.io.Sidecar`, metadata alone.
    Sidecar,
    /// `networking.istio.io.ProxyConfig`, metadata alone.
    ProxyConfig,
    /// `networking.istio.io.WorkloadGroup`, metadata alone.
    WorkloadGroup,
}
