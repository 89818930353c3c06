//! ML4156: words of the injection label that istiod no longer understands.

use meshlift_mesh::facts::Workload;
use meshlift_model::defaults::{INJECT_LABEL, INJECTION_LABEL, REV_LABEL};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, Resource};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Words that asked for a sidecar, in any case; whatever else was written kept it away.
const ASKED: [&str; 4] = ["y", "yes", "true", "on"];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4156",
        layer: Layer::Sidecars,
        versions: Versions::Since(27),
        title: "Its word against injection is not understood any more",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "write sidecar.istio.io/inject=\"false\" on the pod template",
        why: "Until 1.26 every value of sidecar.istio.io/inject but `true`, `yes`, `y` and `on` kept istiod from \
              injecting a pod: `no`, `off`, `False`, `disabled`. From 1.27 on `true` and `false` alone count, in lower \
              case; with any other word the namespace and the injector's policy decide, and the next pod gets a \
              sidecar.",
        see: "`kubectl get deploy,sts,ds -A -o yaml | grep -n \"sidecar.istio.io/inject\"`.",
        fix: "Write \"false\", in quotes, where the other word stands. Where a sidecar is meant to come, write \"true\", \
              and see that the app gets along with it before the upgrade.",
        sources: &[
            "https://github.com/istio/istio/blob/1.26.8/pkg/kube/inject/inject.go",
            "https://github.com/istio/istio/blob/1.27.0/pkg/kube/inject/inject.go",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let workloads = context.mesh.workloads.values().filter(|one| is_asked_about(context, one));
    workloads.filter_map(hit).collect()
}

/// True where an injector is asked about its pods.
fn is_asked_about(context: &Context<'_>, workload: &Workload) -> bool {
    let namespace = ObjectRef::cluster(Namespace::KIND, workload.workload.namespace.as_str());
    let labels = context.object::<Namespace>(&namespace).map(|one| &one.metadata);
    let by_namespace = labels.is_some_and(|meta| {
        meta.label(INJECTION_LABEL) == Some("enabled") || meta.label(REV_LABEL).is_some()
    });
    by_namespace || workload.template.metadata.label(REV_LABEL).is_some()
}

fn hit(workload: &Workload) -> Option<Hit> {
    let meta = &workload.template.metadata;
    let (form, word) = match meta.label(INJECT_LABEL) {
        Some(word) => ("label", word),
        None => ("annotation", meta.annotation(INJECT_LABEL)?),
    };
    let kept_away = !word.is_empty() && !ASKED.contains(&word.to_lowercase().as_str());
    (kept_away && word != "false").then(|| {
        Hit::new(&workload.workload, format!("its {form} says `{word}`: its next pods get a sidecar"))
            .because(format!("{} {form} {INJECT_LABEL}={word}", workload.workload))
    })
}
