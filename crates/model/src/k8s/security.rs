//! Who a container is on its node.

use super::Empty;

api! {
    /// `v1.PodSecurityContext`, as far as it speaks for its containers.
    pub struct PodSecurityContext {
        /// User; 0 is root. Absent leaves it to the image.
        pub run_as_user: Option<i64>,
        /// True: the kubelet starts no container that would be root.
        pub run_as_non_root: Option<bool>,
        /// Which system calls they may make.
        pub seccomp_profile: Option<Box<SeccompProfile>>,
    }

    /// `v1.SecurityContext`, as far as it decides whether a container starts, what it may write on its node, and whether Pod
    /// Security lets it in.
    pub struct SecurityContext {
        /// User; 0 is root. Absent leaves it to the pod.
        pub run_as_user: Option<i64>,
        /// True: the kubelet does not start it if it would be root.
        pub run_as_non_root: Option<bool>,
        /// It has the rights of root on its node.
        pub privileged: Option<bool>,
        /// Absent is true.
        pub allow_privilege_escalation: Option<bool>,
        /// Rights beside and without those of the runtime.
        pub capabilities: Option<Box<Capabilities>>,
        /// Which system calls it may make.
        pub seccomp_profile: Option<Box<SeccompProfile>>,
    }

    /// `v1.Capabilities`.
    pub struct Capabilities {
        /// Given to it.
        pub add: Vec<String>,
        /// Taken from it.
        pub drop: Vec<String>,
    }

    /// `v1.SeccompProfile`.
    pub struct SeccompProfile {
        /// `RuntimeDefault`, `Localhost` or `Unconfined`.
        #[serde(rename = "type")]
        pub type_: String,
    }
}

impl Empty for PodSecurityContext {
    const EMPTY: &'static Self = &Self { run_as_user: None, run_as_non_root: None, seccomp_profile: None };
}

impl Empty for SecurityContext {
    const EMPTY: &'static Self = &Self {
        run_as_user: None,
        run_as_non_root: None,
        privileged: None,
        allow_privilege_escalation: None,
        capabilities: None,
        seccomp_profile: None,
    };
}

impl SecurityContext {
    /// This one, and the other where it says nothing.
    #[must_use]
    pub fn before(&self, other: &Self) -> Self {
        Self {
            run_as_user: self.run_as_user.or(other.run_as_user),
            run_as_non_root: self.run_as_non_root.or(other.run_as_non_root),
            privileged: self.privileged.or(other.privileged),
            allow_privilege_escalation: self.allow_privilege_escalation.or(other.allow_privilege_escalation),
            capabilities: self.capabilities.clone().or_else(|| other.capabilities.clone()),
            seccomp_profile: self.seccomp_profile.clone().or_else(|| other.seccomp_profile.clone()),
        }
    }

    /// This one, and what its pod says for all containers where it says nothing.
    #[must_use]
    pub fn within(&self, pod: &PodSecurityContext) -> Self {
        let seccomp_profile = pod.seccomp_profile.clone();
        let (run_as_user, run_as_non_root) = (pod.run_as_user, pod.run_as_non_root);
        self.before(&Self { run_as_user, run_as_non_root, seccomp_profile, ..Self::default() })
    }
}
