//! ML5015: istiods without room for what an upgrade asks of them.

use crate::quantity::thousandths;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Deployment;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// How many times its memory an istiod should be able to take: reported growth between versions is 1.5 to 2.
const FACTOR: f64 = 2.0;
/// Gauge of its memory in bytes.
const RESIDENT: &str = "process_resident_memory_bytes";
const MIB: f64 = 1_048_576.0;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5015",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "istiod has little memory left",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the new revision at least twice the memory that the old one uses",
        why: "Versions differ in what they need: half as much again is common, several times as much was reported. \
              Proxies that move all at once ask for everything at once. An istiod that is killed for its memory \
              leaves new pods without certificates.",
        see: "`kubectl top pods -n istio-system -l app=istiod` beside `resources.limits.memory`.",
        fix: "`--set resources.limits.memory=SIZE` of chart istiod (istioctl: `--set values.pilot.resources.limits.memory=SIZE`) \
              for the new revision, and for the old one for a way back.",
        sources: &[
            "https://github.com/istio/istio/issues/58180",
            "https://github.com/istio/istio/issues/54970",
        ],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let used = context.mesh.used_revisions();
    used.filter_map(|revision| {
        let deployment = context.object::<Deployment>(revision.deployment.as_ref()?)?;
        let containers =
            deployment.spec.template.spec.containers.iter().filter(|one| one.name == "discovery");
        let limit = containers.filter_map(|one| one.resources.limits.get("memory")).next()?;
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        let answers = revision.istiods.iter().filter_map(|pod| context.mesh.snapshot.istiods.get(pod));
        let readings: Vec<f64> =
            answers.filter_map(|one| one.metrics.as_ref()?.get(RESIDENT).copied()).collect();
        let Some(resident) = readings.iter().copied().reduce(f64::max) else {
            let hit = Hit::new(
                &subject,
                format!("its limit is {limit}; what it uses was not read from any istiod"),
            );
            return Some(hit.severity(Severity::Info).unknown().offers(&["accept-unknown"]));
        };
        #[expect(clippy::cast_precision_loss, reason = "bytes of memory, compared by a factor of two")]
        let bytes = thousandths(limit)? as f64 / 1000.0;
        let detail = format!("it uses {} MiB of {limit}", (resident / MIB).round());
        let hit = Hit::new(&subject, detail).because(format!("{RESIDENT} {resident} of its fullest istiod"));
        (bytes < FACTOR * resident).then_some(hit)
    })
    .collect()
}
