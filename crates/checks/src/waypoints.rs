//! Which waypoint the requests to a Service go through.

use meshlift_model::k8s::{Namespace, Resource, Service};
use meshlift_model::names::ObjectRef;

use crate::context::Context;

/// Label of a Service or its namespace that names its waypoint.
pub(crate) const USES: &str = "istio.io/use-waypoint";
/// Label that names the waypoint's namespace, where it is another one.
const USES_OF: &str = "istio.io/use-waypoint-namespace";

/// Namespace and name of the waypoint that a Service, or its namespace for it, names.
pub(crate) fn waypoint_of<'a>(context: &Context<'a>, service: &'a Service) -> Option<(&'a str, &'a str)> {
    let namespace = service.metadata.namespace.as_str();
    let of_namespace = || context.object::<Namespace>(&ObjectRef::cluster(Namespace::KIND, namespace));
    let places = || std::iter::once(&service.metadata).chain(of_namespace().map(|one| &one.metadata));
    let label = |name| places().find_map(|place| place.label(name));
    let waypoint = label(USES).filter(|name| *name != "none")?;
    Some((label(USES_OF).unwrap_or(namespace), waypoint))
}
