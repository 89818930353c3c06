//! Which part of an object is observed state: what a status write may change and a spec write may not.

use meshlift_model::k8s::{
    CronJob, CustomResourceDefinition, DaemonSet, Deployment, Gateway, HorizontalPodAutoscaler, Job, Node,
    Object, Pod, PodDisruptionBudget, ReplicaSet, Resource, ResourceQuota, StatefulSet,
};

macro_rules! with_status {
    ($from:ident, $to:ident, [$($kind:ident),* $(,)?], [$($plain:ident),* $(,)?]) => {
        match $to {
            $( Object::$kind(to) => {
                if let Some(from) = $kind::from_object($from) {
                    to.status.clone_from(&from.status);
                }
            } )*
            $( Object::$plain(_) )|* => {}
        }
    };
}

/// Copies the status of `from` into `to`; nothing for kinds without one.
pub(super) fn copy(from: &Object, to: &mut Object) {
    with_status!(
        from,
        to,
        [
            CronJob,
            CustomResourceDefinition,
            DaemonSet,
            Deployment,
            Gateway,
            HorizontalPodAutoscaler,
            Job,
            Node,
            Pod,
            PodDisruptionBudget,
            ReplicaSet,
            ResourceQuota,
            StatefulSet,
        ],
        [
            AuthorizationPolicy,
            BackendTLSPolicy,
            ClusterRole,
            ClusterRoleBinding,
            ConfigMap,
            ControllerRevision,
            DestinationRule,
            EndpointSlice,
            EnvoyFilter,
            GRPCRoute,
            GatewayClass,
            HTTPRoute,
            IstioGateway,
            LimitRange,
            MutatingWebhookConfiguration,
            Namespace,
            NetworkPolicy,
            PeerAuthentication,
            PersistentVolumeClaim,
            ProxyConfig,
            ReferenceGrant,
            RequestAuthentication,
            Role,
            RoleBinding,
            Secret,
            Service,
            ServiceAccount,
            ServiceEntry,
            Sidecar,
            TCPRoute,
            TLSRoute,
            Telemetry,
            ValidatingAdmissionPolicy,
            ValidatingWebhookConfiguration,
            VirtualService,
            WasmPlugin,
            WorkloadEntry,
            WorkloadGroup,
        ]
    );
}

/// Takes away a status that came with a create: the API server does not store it. A pod starts `Pending`.
pub(super) fn reset(object: &mut Object) {
    macro_rules! default_status {
        ($($kind:ident),*) => { match object {
            $( Object::$kind(inner) => inner.status = Default::default(), )*
            Object::Pod(pod) => {
                pod.status = Default::default();
                pod.status.phase = "Pending".into();
            }
            // A Node registers with its status, and nothing in the twin would restore it.
            Object::Node(_)
            | Object::AuthorizationPolicy(_) | Object::BackendTLSPolicy(_)
            | Object::ClusterRole(_) | Object::ClusterRoleBinding(_) | Object::ConfigMap(_)
            | Object::ControllerRevision(_) | Object::DestinationRule(_) | Object::EndpointSlice(_)
            | Object::EnvoyFilter(_) | Object::GatewayClass(_) | Object::GRPCRoute(_) | Object::HTTPRoute(_) | Object::IstioGateway(_)
            | Object::LimitRange(_) | Object::MutatingWebhookConfiguration(_) | Object::Namespace(_)
            | Object::NetworkPolicy(_) | Object::PeerAuthentication(_) | Object::PersistentVolumeClaim(_)
            | Object::ProxyConfig(_) | Object::ReferenceGrant(_) | Object::RequestAuthentication(_) | Object::Role(_) | Object::RoleBinding(_)
            | Object::Secret(_) | Object::Service(_) | Object::ServiceAccount(_)
            | Object::ServiceEntry(_) | Object::Sidecar(_) | Object::TCPRoute(_) | Object::Telemetry(_) | Object::TLSRoute(_) | Object::ValidatingAdmissionPolicy(_)
            | Object::ValidatingWebhookConfiguration(_) | Object::VirtualService(_)
            | Object::WasmPlugin(_) | Object::WorkloadEntry(_) | Object::WorkloadGroup(_) => {}
        } };
    }
    default_status!(
        CronJob,
        CustomResourceDefinition,
        DaemonSet,
        Deployment,
        Gateway,
        HorizontalPodAutoscaler,
        Job,
        PodDisruptionBudget,
        ReplicaSet,
        ResourceQuota,
        StatefulSet
    );
}

/// True if the desired state differs: everything but metadata and status.
pub(super) fn spec_differs(old: &Object, new: &Object) -> bool {
    let mut aligned = new.clone();
    aligned.meta_mut().clone_from(old.meta());
    copy(old, &mut aligned);
    aligned != *old
}
