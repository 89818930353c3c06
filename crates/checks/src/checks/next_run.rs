//! ML1034: pods that come with the next run.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1034",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Its pods change with its next run",
        severity: Severity::Info,
        consequence: Consequence::NotReached,
        offers: &[],
        may_accept_unknown: true,
        hint: "nothing to restart: its next run gets the proxy that its namespace follows then",
        why: "Jobs and CronJobs are not restarted. A run that starts after its namespace or tag has moved \
              gets the new proxy, before any wave reaches it; one that is running keeps the old one, and the \
              old control plane, until it ends.",
        see: "`kubectl get cronjob,job -n NAMESPACE`.",
        fix: "Let a long run end before the old revision is removed; suspend the CronJob if a run must not \
              see a change.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"],
    },
    needs: &[WORKLOADS, &["jobs.batch", "cronjobs.batch"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let runs = context.proxied().filter(|workload| workload.rules == RolloutRules::NextRun);
    runs.filter(|workload| context.moves(workload)).map(hit).collect()
}

fn hit(workload: &Workload) -> Hit {
    let subject = &workload.workload;
    let classic = workload.on_restart.native == Some(false);
    let end = if classic { "; its classic sidecar keeps each run from completing by itself" } else { "" };
    Hit::new(subject, format!("its next run gets a sidecar of the revision that is selected then{end}"))
        .because(format!("{subject} template: {}", workload.on_restart.why))
}
