//! Kubernetes, Gateway API and Istio objects, trimmed to the fields that meshlift reads.
//!
//! Field names and meaning are those of the upstream API
//! (<https://kubernetes.io/docs/reference/kubernetes-api/>); what is not listed here is not read, and is
//! dropped when an object is stored. A field that is `null` reads as absent, as the API server treats it.

use serde::{Deserialize, Deserializer};

/// Declares API structs: camelCase, every field optional on the wire, defaults never written.
macro_rules! api {
    ($( $(#[$meta:meta])* pub struct $name:ident {
        $( $(#[$fmeta:meta])* pub $field:ident : $ty:ty ),* $(,)?
    } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[$fmeta])*
                #[serde(
                    skip_serializing_if = "crate::k8s::is_default",
                    deserialize_with = "crate::k8s::null_as_default"
                )]
                pub $field: $ty,
            )*
        }
    )* };
}

mod admission;
mod attached;
mod authorization;
mod cluster;
mod dns;
mod field_managers;
mod gateway_api;
mod istio;
mod meta;
mod network;
mod object;
mod placement;
mod pod;
mod pod_conditions;
mod policy;
mod routes;
mod security;
mod shared;
mod sharing;
mod string_map;
mod volume;
mod workload;

pub use admission::*;
pub use attached::*;
pub use authorization::*;
pub use cluster::*;
pub use dns::*;
pub use field_managers::{FieldManager, FieldManagers, OwnedFields};
pub use gateway_api::*;
pub use istio::*;
pub use meta::*;
pub use network::*;
pub use object::*;
pub use placement::*;
pub use pod::*;
pub use pod_conditions::PodConditions;
pub use policy::*;
pub use routes::*;
pub use security::*;
pub use shared::*;
pub use sharing::*;
pub use string_map::StringMap;
pub use volume::*;
pub use workload::*;

/// True if labels have all of the wanted ones.
#[must_use]
pub fn has_all(labels: &StringMap, wanted: &StringMap) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
