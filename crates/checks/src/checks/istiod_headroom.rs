//! ML5015: istiods without room for what an upgrade asks of them.

use meshlift_mesh::facts::Revision;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Deployment, Pod};
use meshlift_model::names::ObjectRef;
use meshlift_model::quantity::thousandths;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::nodes::asked;

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
              leaves new pods without certificates. One without a limit has what no other pod of its node asked for: what \
              it takes beyond that ends it when the node gets short of memory.",
        see: "`kubectl top pods -n istio-system -l app=istiod` beside `resources.limits.memory`, or without a limit `kubectl \
              describe node NODE`: Allocated resources.",
        fix: "`--set resources.limits.memory=SIZE` of chart istiod (istioctl: `--set values.pilot.resources.limits.memory=SIZE`) \
              for the new revision, and for the old one for a way back. Without a limit: `resources.requests.memory=SIZE`, so that \
              it is put where there is room.",
        sources: &[
            "https://github.com/istio/istio/issues/58180",
            "https://github.com/istio/istio/issues/54970",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.mesh.used_revisions().filter_map(|revision| hit(context, revision)).collect()
}

fn hit(context: &Context<'_>, revision: &Revision) -> Option<Hit> {
    let deployment = context.object::<Deployment>(revision.deployment.as_ref()?)?;
    let mut containers =
        deployment.spec.template.spec.containers.iter().filter(|one| one.name == "discovery");
    let limit = containers.find_map(|one| one.resources.limits.get("memory"));
    let subject = ObjectRef::cluster("Revision", revision.name.as_str());
    let answers = revision.istiods.iter().filter_map(|pod| {
        let metrics = context.mesh.snapshot.istiods.get(pod)?.metrics.as_ref()?;
        Some((pod.as_str(), metrics.get(RESIDENT).copied()?))
    });
    let Some((fullest, resident)) = answers.max_by(|(_, one), (_, other)| one.total_cmp(other)) else {
        let detail = format!("its limit is {}; what it uses was not read from any istiod", limit?);
        let hit = Hit::new(&subject, detail);
        return Some(hit.severity(Severity::Info).unknown().offers(&["accept-unknown"]));
    };
    let (bytes, of) = match limit {
        Some(limit) => (of_thousandths(thousandths(limit)?), limit.to_string()),
        None => {
            let (node, bytes) = left_beside_others(context, &revision.namespace, fullest)?;
            let of =
                format!("{} MiB that no other pod of node {node} asked for, without a limit", mib(bytes));
            (bytes, of)
        }
    };
    let hit = Hit::new(&subject, format!("it uses {} MiB of {of}", mib(resident)))
        .because(format!("{RESIDENT} {resident} of its fullest istiod"));
    (bytes < FACTOR * resident).then_some(hit)
}

fn mib(bytes: f64) -> f64 {
    (bytes / MIB).round()
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory, compared by a factor of two")]
fn of_thousandths(amount: i128) -> f64 {
    amount as f64 / 1000.0
}

/// Node of an istiod, and the bytes there that others have no claim to; `None` where the node takes no new pods, or does not
/// say how much it has.
fn left_beside_others<'a>(context: &Context<'a>, namespace: &str, istiod: &str) -> Option<(&'a str, f64)> {
    let pod: &Pod = context.named(namespace, istiod)?;
    let mut rooms = context.nodes.rooms.iter();
    let room = rooms.find(|room| room.node.metadata.name == pod.spec.node_name)?;
    let [_, own, _] = asked(&pod.spec);
    room.node.status.allocatable.get("memory")?;
    Some((&room.node.metadata.name, of_thousandths(room.left[1].saturating_add(own))))
}
