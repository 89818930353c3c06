//! How a mesh was installed.

use meshlift_model::defaults::{HELM_RELEASE, ISTIOCTL_LABEL};
use meshlift_model::k8s::{Deployment, ObjectMeta};

use crate::control::ControlPlane;
use crate::facts::InstallMethod;

/// Label that the Sail operator sets.
const SAIL: (&str, &str) = ("managed-by", "sail-operator");

/// How the control plane was installed, by its istiod Deployments.
pub(crate) fn method(control: &ControlPlane<'_>) -> InstallMethod {
    let unknown = |reason: String| InstallMethod::Unknown { reason };
    if control.deployments.is_empty() {
        return unknown("no istiod Deployment was recorded".to_owned());
    }
    let mut evidence = None;
    for (_, deployment) in &control.deployments {
        match sign(&deployment.metadata) {
            Ok(sign) => evidence = evidence.or(Some(format!("{} has {sign}", path(deployment)))),
            Err(reason) => return unknown(format!("{} {reason}", path(deployment))),
        }
    }
    InstallMethod::Istioctl { evidence: evidence.unwrap_or_default() }
}

fn path(deployment: &Deployment) -> String {
    format!("Deployment {}", deployment.metadata.path())
}

/// What says that istioctl installed it, or what says otherwise.
fn sign(metadata: &ObjectMeta) -> Result<String, String> {
    if metadata.label(SAIL.0) == Some(SAIL.1) {
        return Err(format!("has label {}={}: the Sail operator owns it", SAIL.0, SAIL.1));
    }
    if let Some(owner) = metadata.controller() {
        return Err(format!("is owned by {} {}", owner.kind, owner.name));
    }
    if let Some(release) = metadata.annotation(HELM_RELEASE) {
        return Err(format!("has annotation {HELM_RELEASE}={release}: a Helm release"));
    }
    if metadata.label(ISTIOCTL_LABEL.0) == Some(ISTIOCTL_LABEL.1) {
        return Ok(format!("label {}={}", ISTIOCTL_LABEL.0, ISTIOCTL_LABEL.1));
    }
    Err(format!("has neither label {} nor annotation {HELM_RELEASE}", ISTIOCTL_LABEL.0))
}
