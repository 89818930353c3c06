//! Who the containers of a template are on their node (istio: files/injection-template.yaml, `securityContext`).

use meshlift_model::k8s::{Capabilities, SeccompProfile, SecurityContext};

use super::template::Context;

/// The proxy's own user, where it needs nothing that root alone may do.
const PROXY_USER: i64 = 1337;

impl Context<'_> {
    /// Of a sidecar: root where it traces packets, redirects them transparently or binds low ports.
    pub(super) fn of_sidecar(&self) -> SecurityContext {
        let is_tracing = self.has_metadata("IPTABLES_TRACE_LOGGING");
        let needed = [
            (is_tracing || self.interception_mode() == "TPROXY").then_some("NET_ADMIN"),
            (!is_tracing && self.binds_low_ports()).then_some("NET_BIND_SERVICE"),
        ];
        let needed: Vec<&str> = needed.into_iter().flatten().collect();
        let mut own = self.of(!needed.is_empty(), &needed);
        own.privileged = own.privileged.map(|privileged| privileged || is_tracing);
        own.allow_privilege_escalation = own.privileged;
        own
    }

    /// Of a gateway: what its own template does not say is left to the cluster.
    pub(super) fn of_gateway(&self) -> SecurityContext {
        SecurityContext { run_as_user: Some(PROXY_USER), ..SecurityContext::default() }
    }

    /// Of the init container, which redirects the pod's packets where istio-cni does not.
    pub(super) fn of_init(&self, is_redirecting: bool) -> SecurityContext {
        self.of(is_redirecting, if is_redirecting { &["NET_ADMIN", "NET_RAW"] } else { &[] })
    }

    fn of(&self, is_root: bool, needed: &[&str]) -> SecurityContext {
        let privileged = Some(self.settings.flag("/global/proxy/privileged", false));
        let add = needed.iter().map(|one| (*one).to_owned()).collect();
        SecurityContext {
            run_as_user: Some(if is_root { 0 } else { PROXY_USER }),
            run_as_non_root: Some(!is_root),
            privileged,
            allow_privilege_escalation: privileged,
            capabilities: Some(Box::new(Capabilities { add, drop: vec!["ALL".to_owned()] })),
            seccomp_profile: self.seccomp_profile(),
        }
    }

    fn seccomp_profile(&self) -> Option<Box<SeccompProfile>> {
        self.settings
            .part("/global/proxy/seccompProfile")
            .filter(|one: &SeccompProfile| !one.type_.is_empty())
            .map(Box::new)
    }

    fn binds_low_ports(&self) -> bool {
        let asked = self.pod.metadata.annotation("sidecar.istio.io/capNetBindService");
        let binds = || self.settings.text("/global/proxy/capNetBindService", "");
        asked.map_or_else(binds, str::to_owned) == "true"
    }
}
