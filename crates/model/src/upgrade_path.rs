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
    /// What to know of it: support, Kubernetes, what is broken there.
    pub notes: Vec<String>,
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
