//! Who a container is on its node.

use super::Empty;

api! {
    /// `v1.PodSecurityContext` and `v1.SecurityContext`: who a container is.
    pub struct SecurityContext {
        /// User; 0 is root. Absent leaves it to the image.
        pub run_as_user: Option<i64>,
        /// True: the kubelet starts no container that would be root.
        pub run_as_non_root: Option<bool>,
    }
}

impl Empty for SecurityContext {
    const EMPTY: &'static Self = &Self { run_as_user: None, run_as_non_root: None };
}

impl SecurityContext {
    /// This one, and the other where it says nothing.
    #[must_use]
    pub fn before(&self, other: &Self) -> Self {
        Self {
            run_as_user: self.run_as_user.or(other.run_as_user),
            run_as_non_root: self.run_as_non_root.or(other.run_as_non_root),
        }
    }
}
