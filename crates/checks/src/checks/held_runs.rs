//! ML1060: runs that a slow start of the proxy breaks for good.

use meshlift_mesh::facts::{Injection, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Pod annotation with a proxy's configuration.
const CONFIG: &str = "proxy.istio.io/config";
/// Its setting, and that of a mesh config's `defaultConfig`, and of an injector's `global.proxy`: the template holds
/// where the last one says so or else the first two do.
const HOLDS: &str = "holdApplicationUntilProxyStarts";
/// Start of the names of ConfigMaps with the values of injectors.
const INJECTOR: &str = "istio-sidecar-injector";
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
              `proxy.istio.io/config: 'holdApplicationUntilProxyStarts: false'`, and an app that tries again by itself; it has \
              no effect where the injector's values hold (global.proxy.holdApplicationUntilProxyStarts).",
        sources: &[
            "https://github.com/istio/istio/issues/45627",
            "https://istio.io/latest/blog/2023/native-sidecars/",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let by_mesh = context.mesh_configs().any(|(_, mut lines)| lines.any(holds));
    let injectors =
        context.objects().config_maps.iter().filter(|map| map.metadata.name.starts_with(INJECTOR));
    let mut values = injectors.filter_map(|map| map.data.get("values"));
    let by_values = values.any(|values| values.lines().any(holds));
    let ending = context.proxied().filter(|one| ENDING.contains(&one.template.spec.restart_policy.as_str()));
    let classic = ending.filter(|workload| is_classic(&workload.on_restart));
    let hits = classic.filter_map(|workload| {
        let why = match own(workload) {
            Some(true) => format!("annotation {CONFIG} of its template"),
            None if by_mesh => "the mesh config".to_owned(),
            Some(false) | None if by_values => "the values of its injector".to_owned(),
            Some(false) | None => return None,
        };
        let hit = Hit::new(&workload.workload, format!("its sidecar is classic, and holds the app by {why}"));
        Some(hit.because(format!("{HOLDS}: true in {why}")))
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

/// True for a line that asks for it.
fn holds(line: &str) -> bool {
    says(line) == Some(true)
}

/// What a line of YAML, or of JSON, says of the setting.
fn says(line: &str) -> Option<bool> {
    let (_, value) = line.split_once(HOLDS)?;
    let value = value.trim_start_matches(['"', ':', ' ']);
    Some(value.starts_with("true"))
}
