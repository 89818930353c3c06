//! What the volumes of pods are made of.

api! {
    /// `v1.Volume`.
    pub struct Volume {
        /// Name within the pod.
        pub name: String,
        /// Claim that it mounts.
        pub persistent_volume_claim: Option<PersistentVolumeClaimSource>,
        /// ConfigMap that it mounts.
        pub config_map: Option<Box<ObjectSource>>,
        /// Secret that it mounts.
        pub secret: Option<Box<SecretVolumeSource>>,
        /// Folder or file of the node that it mounts.
        pub host_path: Option<Box<HostPathVolumeSource>>,
        /// Several sources in one folder.
        pub projected: Option<Box<ProjectedVolumeSource>>,
    }

    /// `v1.ProjectedVolumeSource`.
    pub struct ProjectedVolumeSource {
        /// What it holds.
        pub sources: Vec<VolumeProjection>,
    }

    /// `v1.VolumeProjection`.
    pub struct VolumeProjection {
        /// ConfigMap of which it holds keys.
        pub config_map: Option<Box<ObjectSource>>,
        /// Secret of which it holds keys.
        pub secret: Option<Box<ObjectSource>>,
        /// Token of the pod's service account.
        pub service_account_token: Option<Box<ServiceAccountTokenProjection>>,
    }

    /// `v1.ServiceAccountTokenProjection`.
    pub struct ServiceAccountTokenProjection {
        /// Whom the token is for; empty for the API server.
        pub audience: String,
    }

    /// `v1.HostPathVolumeSource`.
    pub struct HostPathVolumeSource {
        /// Path on the node.
        pub path: String,
    }

    /// `v1.ConfigMapVolumeSource`, `v1.ConfigMapEnvSource`, `v1.ConfigMapProjection` and their like for Secrets: an object
    /// of the pod's namespace.
    pub struct ObjectSource {
        /// Its name.
        pub name: String,
        /// A pod starts without it.
        pub optional: bool,
    }

    /// `v1.SecretVolumeSource`.
    pub struct SecretVolumeSource {
        /// Its name.
        pub secret_name: String,
        /// A pod starts without it.
        pub optional: bool,
    }

    /// `v1.PersistentVolumeClaimVolumeSource`.
    pub struct PersistentVolumeClaimSource {
        /// Name of the claim in the pod's namespace.
        pub claim_name: String,
    }
}
