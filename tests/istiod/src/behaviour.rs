//! How istiods misbehave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How the istiods of a revision behave; by default, well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Behaviour {
    /// Milliseconds before every answer.
    pub slow_millis: u64,
    /// HTTP status of every answer, such as 503.
    pub fails_with: Option<u16>,
    /// The injector lets every pod pass as it is.
    pub never_injects: bool,
    /// Injected pods stay like this: a value of [`meshlift_cluster::STAYS`], such as `unready`.
    pub injected_pods_stay: Option<String>,
    /// Nothing listens: connections are refused.
    pub refuses: bool,
    /// Proxies have not acknowledged what they were sent last.
    pub proxies_are_stale: bool,
    /// The validator refuses these objects (`Kind/namespace/name`), with these words.
    pub refuses_objects: BTreeMap<String, String>,
    /// Proxies refuse what they were sent, with this message.
    pub proxies_refuse_with: Option<String>,
}

/// Behaviour by revision; one that is not named behaves well.
pub(crate) type Behaviours = BTreeMap<String, Behaviour>;
