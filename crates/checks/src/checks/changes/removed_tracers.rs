//! ML4119: tracing providers that versions have removed.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Keys of the mesh config, and the minor version of 1 that removed each.
const REMOVED: [(&str, u32); 3] = [("opencensus", 25), ("openCensusAgent", 25), ("lightstep", 27)];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4119",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "A tracing provider does not exist any more",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "move to the OpenTelemetry provider before anything moves",
        why: "OpenCensus went with 1.25 and Lightstep with 1.27. Proxies of a later revision send no spans: traces \
              end at them.",
        see: "`kubectl get configmap -n istio-system -l istio.io/rev -o yaml | grep -nE \
              \"opencensus|openCensusAgent|lightstep\"`.",
        fix: "Name an `opentelemetry` provider in extensionProviders of the new revision, and in each Telemetry \
              that names the old one.",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/upgrade-notes/",
            "https://istio.io/latest/news/releases/1.27.x/announcing-1.27/upgrade-notes/",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let crossed = |minor: u32| context.used_versions().any(|version| context.crosses(version, minor));
    let gone: Vec<&str> =
        REMOVED.iter().filter(|(_, minor)| crossed(*minor)).map(|(name, _)| *name).collect();
    let maps = context.mesh_configs();
    maps.filter_map(|(map, lines)| {
        let mut names = lines.filter_map(|line| line.split_once(':')).map(|(key, _)| key.trim());
        let named = names.find(|name| gone.contains(name))?;
        let detail = format!("its mesh config names `{named}`, which the target does not know");
        Some(Hit::new(&map.object_ref(), detail).because(format!("{} mesh {named}", map.object_ref())))
    })
    .collect()
}
