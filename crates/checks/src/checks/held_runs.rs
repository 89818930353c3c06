//! ML1060: runs that a slow start of the proxy breaks for good.

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
        title: "A slow start of the proxy breaks its next run for good",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "pin a native sidecar by annotation, or do not hold the app",
        why: "Its pods are to end by themselves (restartPolicy OnFailure or Never), and get a classic sidecar that holds the app \
              until it is ready. Where that takes longer than a minute, as with an istiod that is busy or new, kubelet ends \
              the proxy; it exits with 0, and under such a policy is not started again. The pod stays as it is, its app \
              without a proxy or never started. The twin's proxies start in time, so a rehearsal does not show it.",
        see: "`kubectl get events -A --field-selector reason=FailedPostStartHook`; pods of Jobs that are 1/2 for long.",
        fix: "Annotation `sidecar.istio.io/nativeSidecar: \"true\"` on the pod template (Kubernetes 1.29 and later): a native \
              sidecar is started again whatever the pod's policy is, and ends with the app. Or annotation \
              `proxy.istio.io/config: 'holdApplicationUntilProxyStarts: false'`, and an app that tries again by itself.",
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
