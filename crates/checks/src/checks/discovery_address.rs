//! ML5031: a revision whose proxies are told an istiod that is not its own.

use meshlift_mesh::facts::Revision;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, Service};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// What comes before the address in a mesh config.
const ADDRESS: &str = "discoveryAddress:";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5031",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "Its proxies are told an istiod that is not there, or not theirs",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "name the Service of the revision itself in its mesh config, before pods follow it",
        why: "With a remote control plane (global.remotePilotAddress) the charts write istiod.NAMESPACE.svc into the mesh config of \
              every revision, and istiod-remote.NAMESPACE.svc where a local istiod injects. The Service that they make has the \
              revision in its name: istiod-REVISION. Proxies of such a revision find no istiod and are never ready, or ask the \
              one of another revision, which may be older than they are and goes when it is removed.",
        see: "`kubectl get configmap -A -l istio.io/rev -o yaml | grep discoveryAddress`; `kubectl get service -n istio-system`.",
        fix: "`--set meshConfig.defaultConfig.discoveryAddress=istiod-REVISION.NAMESPACE.svc:15012` of chart istiod for that revision \
              (istiod-REVISION-remote with istiodRemote.enabledLocalInjectorIstiod). Certificates of the remote istiod must have \
              that name too.",
        sources: &[
            "https://github.com/istio/istio/issues/47552",
            "https://github.com/istio/istio/blob/1.30.3/manifests/charts/istio-control/istio-discovery/templates/configmap.yaml",
            "https://github.com/istio/istio/blob/1.30.3/manifests/charts/istio-control/istio-discovery/templates/remote-istiod-service.yaml",
        ],
    },
    needs: &[WORKLOADS, SERVICES, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hits = context.mesh_configs().filter_map(|(map, mut lines)| {
        let name = map.metadata.label(REV_LABEL)?;
        let revision = context.mesh.revisions.values().find(|one| one.name.as_str() == name)?;
        // Nobody follows one that injects nothing.
        revision.injector.as_ref()?;
        let address = lines.find_map(|line| line.strip_prefix(ADDRESS))?;
        let address = address.trim().trim_matches(['"', '\'']);
        let service = service_of(address)?;
        let (what, severity) = wrong(context, revision, &service)?;
        let hit = Hit::new(&map.object_ref(), what).because(format!("{ADDRESS} {address}"));
        Some(hit.severity(severity))
    });
    hits.collect()
}

/// What is wrong with the Service that the proxies of a revision are told.
fn wrong(context: &Context<'_>, revision: &Revision, told: &ObjectRef) -> Option<(String, Severity)> {
    let own = ObjectRef::new(Service::KIND, &told.namespace, &format!("istiod-{}", revision.name));
    // Where that one is missing, the whole revision is incomplete.
    let is_own = *told == own || told.name == "istiod" && revision.name.as_str() == "default";
    if !is_own && context.object::<Service>(told).is_none() {
        return Some((format!("{told} is not there"), Severity::Block));
    }
    let is_others = told.name == "istiod" && context.object::<Service>(&own).is_some();
    is_others.then(|| (format!("{told} is not the one of its revision, {own}"), Severity::Warn))
}

/// The Service of an address within the cluster, such as `istiod.istio-system.svc:15012`.
fn service_of(address: &str) -> Option<ObjectRef> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut words = host.split('.');
    let (name, namespace, kind) = (words.next()?, words.next()?, words.next()?);
    (kind == "svc").then(|| ObjectRef::new(Service::KIND, namespace, name))
}
