//! ML1057: a workload that nobody has restarted for long.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Days after which a restart proves something new: assumption.
const LONG_DAYS: i64 = 180;
const DAY_MILLIS: i64 = 86_400_000;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1057",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Nobody has restarted it for long",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "restart it once at the revision that it has, before the upgrade changes two things at once",
        why: "A pod that has run for half a year was made with objects, images, admission and nodes of that day. \
              If it does not come back, nobody knows whether the upgrade or the months in between are the cause.",
        see: "`kubectl get pods -A --sort-by=.metadata.creationTimestamp`.",
        fix: "`kubectl rollout restart KIND/NAME -n NAMESPACE` on an ordinary day.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-lifetime"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let age_millis = context.newest_time?.millis_since(context.newest_pod(workload)?);
    let days = age_millis.div_euclid(DAY_MILLIS);
    (days >= LONG_DAYS).then(|| Hit::new(&workload.workload, format!("its newest pod is {days} days old")))
}
