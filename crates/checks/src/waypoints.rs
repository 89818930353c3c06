//! Which waypoint the requests to a Service or a ServiceEntry go through.

use meshlift_model::k8s::{Namespace, ObjectMeta};

use crate::context::Context;

/// Label of a Service, a ServiceEntry or a namespace for all of its own that names the waypoint.
pub(crate) const USES: &str = "istio.io/use-waypoint";
/// Label beside it that names the waypoint's namespace, where it is another one.
const USES_OF: &str = "istio.io/use-waypoint-namespace";

/// Namespace and name of the waypoint that a Service or ServiceEntry names, or its namespace for it.
pub(crate) fn waypoint_of<'a>(context: &Context<'a>, meta: &'a ObjectMeta) -> Option<(&'a str, &'a str)> {
    let namespace = meta.namespace.as_str();
    let of_namespace = || context.named::<Namespace>("", namespace);
    let own = Some(meta).filter(|meta| meta.label(USES).is_some());
    // Both labels are read from one object.
    let place = own.or_else(|| of_namespace().map(|one| &one.metadata))?;
    let waypoint = place.label(USES).filter(|name| *name != "none")?;
    Some((place.label(USES_OF).unwrap_or(namespace), waypoint))
}
