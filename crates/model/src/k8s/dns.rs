//! Which DNS servers a pod asks.

use std::convert::Infallible;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::read_text;

api! {
    /// `v1.PodDNSConfig`, as far as it names servers.
    pub struct PodDnsConfig {
        /// Their addresses; they follow those of the policy.
        pub nameservers: Vec<String>,
    }
}

/// `dnsPolicy` of a pod: what nearly all pods have takes no place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DnsPolicy {
    /// `ClusterFirst` (default) and `ClusterFirstWithHostNet`: the cluster's server.
    #[default]
    Cluster,
    /// `Default`: those of its node.
    Node,
    /// `None`: its own alone.
    Own,
}

impl From<&str> for DnsPolicy {
    fn from(text: &str) -> Self {
        match text {
            "Default" => Self::Node,
            "None" => Self::Own,
            _ => Self::Cluster,
        }
    }
}

impl<'de> Deserialize<'de> for DnsPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| Ok::<_, Infallible>(text.into()))
    }
}

impl Serialize for DnsPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Cluster => "ClusterFirst",
            Self::Node => "Default",
            Self::Own => "None",
        })
    }
}
