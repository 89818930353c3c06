//! What of a mesh the path depends on.

use std::collections::BTreeSet;

use meshlift_mesh::facts::{Ambient, GatewayKind};
use meshlift_mesh::{Mesh, other_clusters};
use meshlift_model::k8s::{DaemonSet, Secret, TLSRoute};
use meshlift_model::names::IstioVersion;
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use super::releases::Concern;

/// Definition whose annotation names the Gateway API's bundle.
const GATEWAYS: &str = "gateways.gateway.networking.k8s.io";
/// That annotation.
const BUNDLE: &str = "gateway.networking.k8s.io/bundle-version";

/// What runs on the nodes: istio-cni or ztunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Which one.
    pub name: &'static str,
    /// By its image; `None` where that names none, or several run.
    pub version: Option<IstioVersion>,
}

/// What of a mesh the path depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// Versions that carry proxies.
    pub running: BTreeSet<IstioVersion>,
    /// As the server says it.
    pub kubernetes: Option<String>,
    /// There is a ztunnel.
    pub ambient: bool,
    /// Agents of the nodes that there are.
    pub agents: Vec<Agent>,
    /// DaemonSets were not read: there may be agents.
    pub agents_unread: bool,
    /// Gateways or waypoints that istiod makes.
    pub managed_gateways: bool,
    /// The mesh goes beyond this cluster; `None` where Secrets, which tell, were not read.
    pub several_clusters: Option<bool>,
    /// Bundle of the Gateway API, where it is installed.
    pub gateway_api: Option<String>,
    /// There are TLSRoutes, which depend on that bundle; `None` where they were not read.
    pub tls_routes: Option<bool>,
}

impl Situation {
    /// Of a mesh.
    #[must_use]
    pub fn of(mesh: &Mesh) -> Self {
        let mut running: BTreeSet<IstioVersion> =
            mesh.used_revisions().filter_map(|revision| revision.version.clone()).collect();
        if running.is_empty() {
            running.extend(mesh.revisions.values().filter_map(|revision| revision.version.clone()));
        }
        let managed = |kind: &GatewayKind| matches!(kind, GatewayKind::Managed | GatewayKind::Waypoint);
        let mut definitions = mesh.snapshot.objects.crds.iter();
        let definition = definitions.find(|one| one.metadata.name == GATEWAYS);
        Self {
            running,
            kubernetes: mesh.snapshot.kubernetes_version.clone(),
            ambient: !mesh.ambient.ztunnels.is_empty(),
            agents: agents(&mesh.ambient),
            agents_unread: !matches!(mesh.snapshot.source_of::<DaemonSet>(), SourceStatus::Read { .. }),
            managed_gateways: mesh.gateways.iter().any(|gateway| managed(&gateway.kind)),
            several_clusters: several_clusters(&mesh.snapshot),
            gateway_api: definition.and_then(|one| one.metadata.annotation(BUNDLE)).map(str::to_owned),
            tls_routes: match mesh.snapshot.source_of::<TLSRoute>() {
                SourceStatus::Read { count } => Some(count > 0),
                SourceStatus::Absent => Some(false),
                SourceStatus::Refused { .. } | SourceStatus::Broken { .. } => None,
            },
        }
    }

    /// True if a regression of that concern strikes it; `None` where it is not known.
    pub(super) fn is_struck(&self, concern: Concern) -> Option<bool> {
        match concern {
            Concern::All => Some(true),
            Concern::Ambient => Some(self.ambient),
            Concern::ManagedGateways => Some(self.managed_gateways),
            Concern::SeveralClusters => self.several_clusters,
        }
    }
}

fn agents(ambient: &Ambient) -> Vec<Agent> {
    let cni = (!ambient.cni.is_empty()).then_some(("istio-cni", &ambient.cni_version));
    let ztunnel = (!ambient.ztunnels.is_empty()).then_some(("ztunnel", &ambient.ztunnel_version));
    let of =
        |(name, version): (&'static str, &Option<IstioVersion>)| Agent { name, version: version.clone() };
    cni.into_iter().chain(ztunnel).map(of).collect()
}

fn several_clusters(snapshot: &Snapshot) -> Option<bool> {
    let found = other_clusters(&snapshot.objects).next().is_some();
    let is_read = matches!(snapshot.source_of::<Secret>(), SourceStatus::Read { .. });
    (found || is_read).then_some(found)
}

#[cfg(test)]
mod tests {
    use meshlift_model::defaults::REMOTE_LABEL;
    use meshlift_model::k8s::Resource;

    use super::*;

    #[test]
    fn several_clusters_are_told_by_secrets_and_by_gateways_between_them() {
        let mut snapshot = Snapshot::default();
        assert_eq!(several_clusters(&snapshot), None);
        snapshot.sources.insert(Secret::RESOURCE.to_owned(), SourceStatus::Read { count: 1 });
        assert_eq!(several_clusters(&snapshot), Some(false));
        let mut secret = Secret::default();
        secret.metadata.labels.insert(REMOTE_LABEL.into(), "true".into());
        snapshot.objects.secrets.push(secret);
        assert_eq!(several_clusters(&snapshot), Some(true));
        let mut other = Snapshot::default();
        let mut service = meshlift_model::k8s::Service::default();
        service.metadata.labels.insert("istio".into(), "eastwestgateway".into());
        other.objects.services.push(service);
        assert_eq!(several_clusters(&other), Some(true));
    }
}
