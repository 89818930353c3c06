//! The way from what runs to a target: hops with their reasons, and what was not taken.

use serde::Serialize;

use crate::names::IstioVersion;

/// A path from what runs to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Path {
    /// Oldest version that carries proxies today.
    pub from: IstioVersion,
    /// Where it ends.
    pub to: IstioVersion,
    /// How long each version that carries proxies today is supported.
    pub running: Vec<Support>,
    /// What nobody knows about the whole path.
    pub notes: Vec<String>,
    /// In order.
    pub hops: Vec<Hop>,
    /// What was thought of, and not taken.
    pub refused: Vec<Refusal>,
    /// What stands in the way of the whole path; empty where it can be gone.
    pub blocked: Vec<String>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// What is upgraded.
    pub what: Part,
    /// To this version.
    pub to: String,
    /// Why it is there, and why this version.
    pub why: String,
    /// How long the version is supported; `None` where it is none of Istio.
    pub support: Option<Support>,
    /// What breaks on this hop, and no patch that can be reached mends.
    pub warnings: Vec<Warning>,
    /// What to know of it: support, Kubernetes, what is broken there.
    pub notes: Vec<String>,
}

/// How long a version is supported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Support {
    /// The version.
    pub version: IstioVersion,
    /// Last day, `YYYY-MM-DD`; `None` where no end is announced, or nothing is known of the version.
    pub until: Option<String>,
    /// What that means today.
    pub state: SupportState,
}

/// Whether a version is supported today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupportState {
    /// It is.
    Supported,
    /// No longer.
    Ended,
    /// The catalogue of releases does not have it.
    Unknown,
}

/// Something that breaks on a hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Version whose mistake it is.
    pub version: IstioVersion,
    /// What happens.
    pub why: String,
    /// What to do about it, where that is known.
    pub remedy: Option<String>,
    /// Where that is described.
    pub source: String,
}

/// What a hop upgrades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Control plane and proxies.
    Istio,
    /// The cluster itself.
    Kubernetes,
    /// Definitions of the Gateway API.
    GatewayApi,
    /// istio-cni and ztunnel.
    NodeAgents,
}

/// What was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// A version, or a way.
    pub what: String,
    /// Why not.
    pub why: String,
    /// Where that is described.
    pub source: String,
}
