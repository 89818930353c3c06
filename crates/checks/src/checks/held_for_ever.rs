//! ML1060: runs that never end, because the app waits for a proxy that never ends.

use meshlift_mesh::facts::{Injection, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Pod annotation with a proxy's configuration.
const CONFIG: &str = "proxy.istio.io/config";
/// Its setting, and that of a mesh config's `defaultConfig`.
const HOLDS: &str = "holdApplicationUntilProxyStarts";
/// Policies of pods that are to end.
const ENDING: [&str; 2] = ["OnFailure", "Never"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1060",
        layer: Layer::Sidecars,
        versions: Versions::Any,
        title: "Its next run does not end: the proxy outlives the app",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "pin a native sidecar by annotation, or let the app end the proxy",
        why: "Its pods are to end by themselves (restartPolicy OnFailure or Never), and get a classic sidecar that holds the \
              app until it has started. Such a sidecar is a container beside the app: nothing ends it when the app is done, \
              and with the hold some versions of kubelet never start the app. A Job stays active, the next run of a \
              CronJob waits or piles up. The twin runs no Jobs to their end, so a rehearsal does not show it.",
        see: "`kubectl get pods -n NAMESPACE`: NotReady, 1/2, long after the app has ended.",
        fix: "Annotation `sidecar.istio.io/nativeSidecar: \"true\"` on the pod template (Kubernetes 1.29 and later): \
              kubelet ends it with the app. Or `proxy.istio.io/config: holdApplicationUntilProxyStarts: false`, and \
              the app calls `POST localhost:15020/quitquitquit` at its end.",
        sources: &["https://github.com/istio/istio/issues/45627", "https://istio.io/latest/blog/2023/native-sidecars/"],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let held_by_default = context.mesh_configs().any(|(_, mut lines)| lines.any(|line| says(line) == Some(true)));
    let ending = context.proxied().filter(|one| ENDING.contains(&one.template.spec.restart_policy.as_str()));
    let classic = ending.filter(|workload| is_classic(&workload.on_restart));
    let hits = classic.filter_map(|workload| {
        let own = own(workload);
        let why = if own.is_some() { format!("annotation {CONFIG} of its template") } else { "the mesh config".to_owned() };
        own.unwrap_or(held_by_default).then(|| {
            Hit::new(&workload.workload, format!("its sidecar is classic, and holds the app by {why}"))
                .because(format!("{HOLDS}: true in {why}"))
        })
    });
    hits.collect()
}

/// True if a pod gets a sidecar, and it is not known to be native.
fn is_classic(injection: &Injection) -> bool {
    injection.revision.is_some() && injection.native != Some(true)
}

/// What the template itself says.
fn own(workload: &Workload) -> Option<bool> {
    workload.template.metadata.annotation(CONFIG)?.lines().find_map(says)
}

/// What a line of YAML, or of JSON, says of the setting.
fn says(line: &str) -> Option<bool> {
    let (_, value) = line.split_once(HOLDS)?;
    let value = value.trim_start_matches(['"', ':', ' ']);
    Some(value.starts_with("true"))
}
