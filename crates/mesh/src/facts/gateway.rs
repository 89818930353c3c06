//! Gateways, waypoints and the ambient data plane.

use std::collections::BTreeMap;

use meshlift_model::k8s::Shared;
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use serde::Serialize;

use super::Follows;

/// How a gateway comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayKind {
    /// A Deployment whose pods injection turns into a gateway.
    Injected,
    /// Rendered by an installer; its image is its version.
    Rendered,
    /// A Gateway API object; istiod makes its Deployment.
    Managed,
    /// A waypoint; istiod makes its Deployment.
    Waypoint,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayFacts {
    /// The Deployment, or the Gateway object for managed ones.
    pub gateway: ObjectRef,
    /// Kind.
    pub kind: GatewayKind,
    /// Its Deployment, if there is one.
    pub deployment: Option<ObjectRef>,
    /// What decides its revision.
    pub follows: Follows,
    /// Revision that owns or would inject it.
    pub owner: Option<RevisionName>,
    /// Revision that its pods run.
    #[serde(serialize_with = "super::by_revision")]
    pub running: Shared<BTreeMap<Option<RevisionName>, usize>>,
    /// True if `spec.infrastructure.labels` freezes its pod template.
    pub frozen: bool,
    /// Desired pods.
    pub replicas: i32,
    /// Services before it, with their type.
    pub services: Vec<(ObjectRef, String)>,
    /// True if it takes traffic from outside: LoadBalancer, NodePort or hostPort.
    pub exposed_outside: bool,
    /// PodDisruptionBudgets over its pods.
    pub budgets: Vec<ObjectRef>,
    /// TLS secrets that its configuration names, as `NAMESPACE/NAME`, and whether each is there (absent: not readable).
    pub secrets: BTreeMap<String, Option<bool>>,
    /// Selector that is there but has no say, in words.
    pub ignored: Option<String>,
}

/// Ambient parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ambient {
    /// ztunnel DaemonSets.
    pub ztunnels: Vec<ObjectRef>,
    /// istio-cni DaemonSets.
    pub cni: Vec<ObjectRef>,
    /// Version of istio-cni by image, where all of its DaemonSets say the same.
    pub cni_version: Option<IstioVersion>,
    /// Version of ztunnel by image, as that of istio-cni.
    pub ztunnel_version: Option<IstioVersion>,
    /// Namespaces labelled ambient.
    pub namespaces: Vec<String>,
    /// Pods that should be captured.
    pub enrolled: Vec<ObjectRef>,
    /// Those of them without `ambient.istio.io/redirection`.
    pub not_captured: Vec<ObjectRef>,
}
