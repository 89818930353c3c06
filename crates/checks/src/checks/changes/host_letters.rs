//! ML4165: VirtualServices whose hosts have capital letters.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use super::super::subset::service_of;
use super::waypoint_routes::is_of_the_mesh;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4165",
        layer: Layer::Configuration,
        versions: Versions::Since(27),
        title: "A VirtualService begins to apply to a Service",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read its routes: sidecars passed them over until now",
        why: "Names of hosts have no case, but until 1.26 sidecars looked a VirtualService's host up as it is written: one \
              with capital letters found no Service, and its routes, faults, retries and timeouts had no effect. From 1.27 \
              on it finds the Service, and all of that begins to apply.",
        see: concat!(
            objects_where!("virtualservice", "any(.spec.hosts[]?; test(\"[A-Z]\"))"),
            "; `istioctl proxy-config route POD.NAMESPACE` of a client shows what applies today."
        ),
        fix: "Where the routes are meant, write the host in small letters today, and watch what that does before anything \
              else changes. Where they are not, remove the VirtualService.",
        sources: &[
            "https://github.com/istio/istio/pull/56090",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/networking/core/route/route.go",
        ],
    },
    needs: &[
        WORKLOADS,
        SERVICES,
        &["virtualservices.networking.istio.io", "serviceentries.networking.istio.io"],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // Routes of connections have always been found.
    let services = context.objects().virtual_services.iter().filter(|one| is_of_the_mesh(one));
    services
        .filter_map(|service| {
            let mut hosts = service.spec.hosts.iter();
            let host = hosts
                .find(|host| has_capital(host) && is_there(context, host, &service.metadata.namespace))?;
            Some(Hit::new(&service.object_ref(), format!("sidecars pass its host {host} over today")))
        })
        .collect()
}

fn has_capital(host: &str) -> bool {
    host.contains(|letter: char| letter.is_ascii_uppercase())
}

/// True if a Service or a ServiceEntry has this host in other letters alone.
fn is_there(context: &Context<'_>, host: &str, namespace: &str) -> bool {
    let entries = || context.objects().service_entries.iter().flat_map(|entry| &entry.spec.hosts);
    // A short name, or a full one: of a name with its namespace alone Istio makes no Service's.
    let is_name =
        !host.contains('.') || host.split('.').nth(2).is_some_and(|word| word.eq_ignore_ascii_case("svc"));
    let is_services = || is_name && service_of(context, &host.to_ascii_lowercase(), namespace).is_some();
    !entries().any(|one| one == host)
        && (is_services() || entries().any(|one| one.eq_ignore_ascii_case(host)))
}
