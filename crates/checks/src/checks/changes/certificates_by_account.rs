//! ML4181: gateways whose pods run under another account than istiod expects.

use meshlift_mesh::facts::GatewayKind;
use meshlift_model::defaults::GATEWAY_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, Resource, Service, StringMap};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, is_istios};

/// Where a Gateway names the account of its pods.
const ACCOUNT: &str = "gateway.istio.io/service-account";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4181",
        layer: Layer::Gateways,
        versions: Versions::SincePatches(&[(26, 5), (27, 2), (28, 0)]),
        title: "istiod no longer gives this gateway its certificates",
        severity: Severity::Block,
        consequence: Consequence::Gateway,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "let the pods run under the account that istiod expects, or name theirs on the Gateway, before the control plane moves",
        why: "From 1.26.5, 1.27.2 and 1.28.0 on istiod gives the certificates of a Gateway's listeners only to pods of the \
              Gateway's own namespace and, where istiod makes the pods, of the account that it gives them. Pods made by hand \
              beside them under another account, and gateways that an address of type Hostname names in another namespace, \
              get none: their listeners for TLS refuse all connections. A ReferenceGrant does not replace it. The twin does \
              not know certificates of listeners: a rehearsal does not show it.",
        see: "`kubectl get pods -A -l gateway.networking.k8s.io/gateway-name -o custom-columns=:metadata.namespace,:metadata.name,:spec.serviceAccountName`: \
              GATEWAY-CLASS is expected, or what annotation gateway.istio.io/service-account says.",
        fix: "`kubectl annotate gateway.gateway.networking.k8s.io NAME -n NAMESPACE gateway.istio.io/service-account=ACCOUNT` with the account of the pods: \
              istiod replaces the pods that it made for it, so do it in a quiet hour. \
              A Gateway of another namespace than its pods has to move to theirs.",
        sources: &[
            "https://github.com/istio/istio/blob/1.26.4/pilot/pkg/model/gateway.go",
            "https://github.com/istio/istio/blob/1.26.5/pilot/pkg/model/gateway.go",
            "https://github.com/istio/istio/blob/1.26.5/releasenotes/notes/verify-sa-for-gateway-secrets.yaml",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let gateways = context.objects().gateways.iter().filter(|gateway| is_istios(context, gateway));
    let certified = gateways.filter(|gateway| {
        let tls = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        tls.into_iter().any(|tls| !tls.certificate_refs.is_empty())
    });
    certified
        .filter_map(|gateway| elsewhere(context, gateway).or_else(|| other_account(context, gateway)))
        .collect()
}

/// Its pods are behind a Service of another namespace.
fn elsewhere(context: &Context<'_>, gateway: &Gateway) -> Option<Hit> {
    let own = gateway.metadata.namespace.as_str();
    let hosts = gateway.spec.addresses.iter().filter(|address| address.type_ == "Hostname");
    let mut services = hosts.filter_map(|address| {
        let mut words = address.value.split('.');
        let (name, namespace) = (words.next()?, words.next()?);
        (namespace != own).then(|| ObjectRef::new(Service::KIND, namespace, name))
    });
    let service = services.find(|service| context.object::<Service>(service).is_some())?;
    Some(Hit::new(&gateway.object_ref(), format!("its pods are those of {service}, in another namespace")))
}

/// Pods that take their place under another account.
fn other_account(context: &Context<'_>, gateway: &Gateway) -> Option<Hit> {
    let facts = &context.mesh.gateways;
    let at = facts.binary_search_by(|one| one.gateway.cmp(&gateway.object_ref())).ok()?;
    facts.get(at).filter(|one| one.kind == GatewayKind::Managed)?;
    let meta = &gateway.metadata;
    let usual = format!("{}-{}", meta.name, gateway.spec.gateway_class_name);
    let expected = meta.annotation(ACCOUNT).unwrap_or(&usual);
    let own = StringMap::from_iter([(GATEWAY_LABEL.to_owned(), meta.name.clone())]);
    let pods = context.pods_with(&meta.namespace, &own);
    let mut pods = pods.into_iter().filter(|pod| !pod.is_finished());
    // Classes of waypoints go without the suffix.
    let is_expected = |account: &str| account == expected || account == meta.name;
    let pod = pods.find(|pod| !is_expected(&pod.spec.service_account_name))?;
    let account = pod.spec.service_account_name.as_str();
    let hit = Hit::new(&gateway.object_ref(), format!("its pods run under {account}, not under {expected}"));
    Some(hit.because(format!("{} serviceAccountName={account}", pod.object_ref())))
}
