//! What a restart gives to a workload's proxy.

use meshlift_mesh::facts::Workload;
use meshlift_model::k8s::{Container, PodTemplateSpec};

use crate::context::Context;
use crate::traffic::PROXY;

impl<'a> Context<'a> {
    /// True if the sidecars of a workload answer its DNS.
    pub(crate) fn captures_dns(&self, workload: &'a Workload) -> bool {
        self.proxy_env(workload, "ISTIO_META_DNS_CAPTURE") == Some("true")
    }

    /// A variable of a workload's proxy after a restart.
    pub(crate) fn proxy_env(&self, workload: &'a Workload, variable: &str) -> Option<&'a str> {
        self.proxy(workload).and_then(|proxy| proxy.env_value(variable))
    }

    /// The proxy that a workload has after a restart.
    pub(crate) fn proxy(&self, workload: &'a Workload) -> Option<&'a Container> {
        self.as_injected(workload).spec.all_containers().find(|container| container.name == PROXY)
    }

    /// A pod of the workload as injection makes it; without a sidecar, its template.
    pub(crate) fn as_injected(&self, workload: &'a Workload) -> &'a PodTemplateSpec {
        workload.as_injected.as_ref().unwrap_or(&workload.template)
    }
}
