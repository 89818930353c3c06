//! Cluster furniture: namespaces, nodes, config maps, CRDs, and objects known by metadata alone.

use super::{Condition, ObjectMeta, Shared, StringMap};

api! {
    /// `v1.Namespace`.
    pub struct Namespace {
        /// Metadata; its labels select revisions.
        pub metadata: ObjectMeta,
    }

    /// `v1.Node`.
    pub struct Node {
        /// Metadata; labels carry zone and pool.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: NodeSpec,
        /// Observed state.
        pub status: NodeStatus,
    }

    /// `v1.NodeSpec`.
    pub struct NodeSpec {
        /// Cordoned.
        pub unschedulable: bool,
        /// Taints.
        pub taints: Vec<Taint>,
    }

    /// `v1.Taint`.
    pub struct Taint {
        /// Key.
        pub key: String,
        /// Value.
        pub value: String,
        /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
        pub effect: String,
    }

    /// `v1.NodeStatus`.
    pub struct NodeStatus {
        /// Conditions, `Ready` among them.
        pub conditions: Vec<Condition>,
        /// Versions.
        pub node_info: NodeInfo,
        /// What pods may request.
        pub allocatable: StringMap,
    }

    /// `v1.NodeSystemInfo`.
    pub struct NodeInfo {
        /// `v1.34.4`; decides native or classic sidecars.
        pub kubelet_version: String,
        /// `amd64`, `arm64`.
        pub architecture: String,
    }

    /// `v1.ConfigMap`.
    pub struct ConfigMap {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Text by key: every namespace has the mesh's root.
        pub data: Shared<StringMap>,
    }

    /// `apiextensions.k8s.io/v1.CustomResourceDefinition`, without schemas.
    pub struct CustomResourceDefinition {
        /// Metadata; `gateway.networking.k8s.io/bundle-version` among its annotations.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: CustomResourceDefinitionSpec,
        /// Observed state.
        pub status: CustomResourceDefinitionStatus,
    }

    /// `apiextensions.k8s.io/v1.CustomResourceDefinitionSpec`.
    pub struct CustomResourceDefinitionSpec {
        /// API group.
        pub group: String,
        /// Versions.
        pub versions: Vec<CrdVersion>,
    }

    /// `apiextensions.k8s.io/v1.CustomResourceDefinitionVersion`.
    pub struct CrdVersion {
        /// Name, such as `v1beta1`.
        pub name: String,
        /// Readable by clients.
        pub served: bool,
        /// The version that is stored.
        pub storage: bool,
    }

    /// `apiextensions.k8s.io/v1.CustomResourceDefinitionStatus`.
    pub struct CustomResourceDefinitionStatus {
        /// Versions that objects were ever stored in.
        pub stored_versions: Vec<String>,
    }

    /// `v1.Secret`: name and type; data is never read.
    pub struct Secret {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Secret type.
        #[serde(rename = "type")]
        pub type_: String,
    }
}
