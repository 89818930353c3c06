//! What a pod runs, and what it would get.

use meshlift_model::k8s::Shared;
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use serde::Serialize;

use super::Follows;

/// What a webhook would do to a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Injection {
    /// Revision that would inject it; absent for no sidecar.
    pub revision: Option<RevisionName>,
    /// Webhook configuration and webhook that match.
    pub webhook: Option<(String, String)>,
    /// What decided it.
    pub follows: Follows,
    /// One sentence: why it gets that, or why it gets nothing.
    pub why: String,
    /// More webhooks that match too: the pod would be injected twice.
    pub also: Vec<(String, String)>,
    /// Why this is not certain (matchConditions, an unread source); empty where it is.
    pub uncertain: Vec<String>,
    /// True if the webhook's Service has no ready endpoint: the pod would be refused.
    pub refused: bool,
    /// Native sidecar (true) or classic (false); absent without a sidecar or where nodes do not tell.
    pub native: Option<bool>,
}

/// What a pod's proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// `istio-proxy` as an init container with restartPolicy Always.
    Native,
    /// `istio-proxy` beside the app.
    Classic,
    /// The pod is an injected gateway.
    Gateway,
    /// Made by istiod's Gateway controller.
    ManagedGateway,
    /// A waypoint.
    Waypoint,
    /// ztunnel.
    Ztunnel,
}

/// What a pod says about its revision, from up to three sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Agreement {
    /// No proxy.
    None,
    /// Annotation, image and connection say the same.
    Agreed {
        /// Revision.
        revision: RevisionName,
    },
    /// They differ: `unknown`, never a reason to restart.
    Disagree {
        /// How.
        how: String,
    },
    /// A side could not be read.
    Unread {
        /// Revision by annotation.
        revision: RevisionName,
        /// What is missing.
        what: String,
    },
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodFacts {
    /// Reference.
    pub pod: ObjectRef,
    /// What restarts it; itself for a bare pod.
    pub workload: ObjectRef,
    /// Succeeded or Failed.
    pub finished: bool,
    /// Being deleted.
    pub terminating: bool,
    /// Ready.
    pub ready: bool,
    /// Proxy in it.
    pub proxy: Option<ProxyKind>,
    /// Revision by annotation `istio.io/rev`.
    pub revision: Option<RevisionName>,
    /// Revision by the JSON of `sidecar.istio.io/status`.
    pub status_revision: Option<RevisionName>,
    /// Proxy version by image.
    pub image_version: Option<IstioVersion>,
    /// Revision of the istiod that it is connected to.
    pub connected_to: Option<RevisionName>,
    /// Whether connection state could be read at all.
    pub connection_known: bool,
    /// Synced, where connected.
    pub synced: bool,
    /// Words of a rejection.
    pub nack: Option<String>,
    /// The three sides together.
    pub agreement: Agreement,
    /// What it would get if it were created again now.
    pub on_restart: Shared<Injection>,
    /// Captured by ambient: annotation `ambient.istio.io/redirection`.
    pub redirection: Option<String>,
}
