//! ML1040: a restart may lose requests.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity, TrafficVerdict};

use super::gap::GAP_NEEDS;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;
use crate::traffic::whole_millis;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1040",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A restart may lose requests, depending on the app",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the app's container a preStop sleep, or know that the app serves on after SIGTERM",
        why: "Clients learn of a terminating endpoint later than its app gets SIGTERM. What happens in between \
              depends on what the app does at SIGTERM, which no snapshot tells. The number in the finding is the \
              worst case of the traffic model: share of requests × milliseconds, summed over the restart. It is a \
              warning in namespaces that the intent lists under slo_critical.",
        see: "Its container has no `lifecycle.preStop`; docs/reference/traffic-model.md tells how the figure \
              comes about.",
        fix: "Set `lifecycle.preStop.sleep.seconds` of the app's container to the seconds that the finding names, \
              within terminationGracePeriodSeconds. Open TCP connections and the 5 s drain of classic proxies \
              cannot be cured by it.",
        sources: &[
            "docs/reference/traffic-model.md",
            "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
        ],
    },
    needs: GAP_NEEDS,
    find: Find::Restarted(hit),
};

/// A longer sleep keeps no connection open.
const ONLY_CUTS: &str =
    "let its clients connect again by themselves, and restart it when few connections are open";

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let subject = &workload.workload;
    let restart = &context.judged.get(subject)?.restart;
    if restart.verdict != TrafficVerdict::Exposed {
        return None;
    }
    let severity = if context.is_slo_critical(&subject.namespace) { Severity::Warn } else { Severity::Info };
    let hit = Hit::new(subject, restart.why.clone())
        .because(format!("at most {} ms × share", whole_millis(restart.exposure_millis)))
        .severity(severity);
    Some(match restart.cure_sleep_seconds {
        Some(seconds) => hit.hint(format!("add a preStop sleep of {seconds} s to its serving container")),
        None if restart.exposure_millis <= 0.0 => hit.hint(ONLY_CUTS),
        None => hit,
    })
}
