//! ML1012: a Deployment that is paused.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Deployment, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1012",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "It is paused: a restart replaces nothing",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "find out who paused it and why; resume it before its wave, or choose hold-namespace",
        why: "The Deployment controller takes no new template to a paused Deployment's pods. A restart is \
              accepted, no pod is replaced, and the rollout never ends; once somebody resumes it, all changes \
              that piled up come at once.",
        see: "`kubectl get deploy -A -o jsonpath='{range .items[?(@.spec.paused==true)]}{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}'`.",
        fix: "`kubectl rollout resume deployment/NAME -n NAMESPACE`, after its owner agrees with what is waiting.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pausing-and-resuming-a-deployment",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    if workload.workload.kind != Deployment::KIND {
        return None;
    }
    let deployment = context.object::<Deployment>(&workload.workload)?;
    deployment.spec.paused.then(|| {
        let detail = format!("its {} pods stay as they are until somebody resumes it", workload.replicas);
        Hit::new(&workload.workload, detail).because(format!("{} spec.paused=true", workload.workload))
    })
}
