//! ML4122: a ztunnel that its Helm chart names anew.

use meshlift_model::defaults::HELM_RELEASE;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DaemonSet, Resource};
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// The only minor version of 1 whose chart names ztunnel after its release.
const NAMED_AFTER_RELEASE: u32 = 25;
/// Its name in all others.
const STATIC: &str = "ztunnel";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4122",
        layer: Layer::Ambient,
        versions: Versions::Target,
        title: "The Helm chart gives ztunnel another name",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "set resourceName to the name that ztunnel has now",
        why: "The chart of 1.25 names its objects after the release, those before and after name them `ztunnel`. \
              Where the two differ, an upgrade of the release removes the old DaemonSet and makes a new one: no \
              node has a ztunnel in between.",
        see: "`kubectl get daemonset -A -l app=ztunnel -o \
              custom-columns=:metadata.namespace,:metadata.name,:metadata.annotations`.",
        fix: "`helm upgrade … --set resourceName=NAME` with the name of the DaemonSet that runs.",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/upgrade-notes/",
            "https://istio.io/latest/news/releases/1.26.x/announcing-1.26/upgrade-notes/",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ambient = &context.mesh.ambient;
    let (Some(running), Some(target)) = (&ambient.ztunnel_version, context.target) else { return Vec::new() };
    let agents = ambient.ztunnels.iter().filter_map(|reference| context.object::<DaemonSet>(reference));
    agents
        .filter_map(|agent| {
            let release = agent.metadata.annotation(HELM_RELEASE)?;
            let by_release =
                |version: &IstioVersion| version.major == 1 && version.minor == NAMED_AFTER_RELEASE;
            let next = if by_release(target) { release } else { STATIC };
            let changes = by_release(running) != by_release(target) && agent.metadata.name != next;
            let detail = format!("release {release} of {target} would call it {next}");
            changes
                .then(|| Hit::new(&agent.object_ref(), detail).because(format!("{HELM_RELEASE}={release}")))
        })
        .collect()
}
