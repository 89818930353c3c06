//! ML4112: routes that retry by default conditions.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, VirtualServiceRoute};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4112",
        layer: Layer::Configuration,
        versions: Versions::Since(24),
        title: "Its retries leave out answers of 503",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "say in retryOn what is retried",
        why: "A route that retries without saying when takes the conditions of the mesh. Until 1.23 they held \
              every answer of 503; from 1.24 on only those that are known to be safe. What the app itself answers \
              with 503 reaches the client. Services and routes that say nothing of retries \
              retry by default too; they are not listed here.",
        see: "`kubectl get virtualservice -A -o yaml | grep -n -A4 \"retries:\"`: attempts without retryOn.",
        fix: "Where the requests may be sent twice, set retryOn to \
              `connect-failure,refused-stream,unavailable,cancelled,503`: a value replaces the defaults. To decide \
              later: env EXCLUDE_UNSAFE_503_FROM_DEFAULT_RETRY=false on the new istiod keeps the former \
              conditions; 1.27 does not know it any more.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/change-notes/"],
    },
    needs: &[WORKLOADS, &["virtualservices.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let services = context.objects().virtual_services.iter();
    let retries = |route: &&VirtualServiceRoute| {
        route.retries.as_ref().is_some_and(|retries| retries.attempts > 0 && retries.retry_on.is_empty())
    };
    services
        .filter_map(|service| {
            let routes = service.spec.http.iter().filter(retries).count();
            let detail = format!("{routes} of its routes retry, and do not say on what");
            (routes > 0).then(|| Hit::new(&service.object_ref(), detail))
        })
        .collect()
}
