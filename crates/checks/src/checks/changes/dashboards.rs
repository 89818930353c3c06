//! ML4137: dashboards that have other addresses.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Names of its images, behind registry and organisation.
const GRAFANA: [&str; 3] = ["grafana", "grafana-oss", "grafana-enterprise"];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4137",
        layer: Layer::ControlPlane,
        versions: Versions::Since(27),
        title: "Istio's dashboards get other addresses",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "have the new dashboards in Grafana before the bake, and correct links and alerts that name the old ones",
        why: "The dashboards that come with 1.27 and later have other UIDs than those before. Where they are imported \
              anew, links in runbooks and alerts lead to nothing: in the middle of an upgrade, when they are looked at.",
        see: "`grep -rn \"/d/\" RUNBOOKS`, beside `uid` in the dashboards of the new release.",
        fix: "Import the new dashboards beside the old ones, correct the links, then remove the old ones.",
        sources: &["https://istio.io/latest/news/releases/1.27.x/announcing-1.27/upgrade-notes/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let shown = context.running(|image| {
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split([':', '@']).next().is_some_and(|name| GRAFANA.contains(&name))
    });
    shown.map(|(one, image)| Hit::new(&one.workload, "shows dashboards").because(image)).collect()
}
