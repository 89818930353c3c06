//! ML4140: classic sidecars that become native, because the target's istiod decides so.

use std::collections::BTreeSet;

use meshlift_mesh::facts::{ProxyKind, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Webhook;

use super::super::admission_since::{is_istio, shown};
use super::super::classic::pods_of;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// First minor version that injects native sidecars by itself.
const SINCE: u32 = 27;
/// Says it for one pod.
const PINNED: &str = "sidecar.istio.io/nativeSidecar";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4140",
        layer: Layer::Sidecars,
        versions: Versions::Since(SINCE),
        title: "Its sidecar becomes native",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "choose accept-change; or keep classic ones by ENABLE_NATIVE_SIDECARS=false on the new istiod",
        why: "From 1.27 on istiod injects native sidecars where every kubelet is 1.33 or newer: the proxy is an init \
              container that starts before the app and its other init containers, and ends after it. That is better \
              for most apps. Whatever looks for istio-proxy under `containers` (webhooks of others, patches of the \
              template, resource reports) does not find it there; pods of Jobs complete by themselves from then on. \
              A webhook that was built for an older Kubernetes writes pods back without `restartPolicy: Always`: the \
              API server then refuses the proxy's probes, or the pod waits for its proxy to end. `meshlift check \
              --to TARGET --only ML4140 -o json` names the webhooks that change the same pods.",
        see: "`kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} \
              {.spec.initContainers[*].name}{\"\\n\"}{end}' | grep istio-proxy` lists native ones; `kubectl get nodes`: VERSION.",
        fix: "Nothing, as a rule. Where webhooks are named, try one pod as a dry run, and update those that lose the \
              field. `--set values.pilot.env.ENABLE_NATIVE_SIDECARS=false` (istioctl; chart istiod: `--set \
              env.ENABLE_NATIVE_SIDECARS=false`) keeps them classic for all, annotation \
              `sidecar.istio.io/nativeSidecar: \"false\"` on a pod template for one workload.",
        sources: &[
            "https://istio.io/latest/news/releases/1.27.x/announcing-1.27/upgrade-notes/",
            "https://istio.io/latest/blog/2023/native-sidecars/",
            "https://github.com/istio/istio/issues/49054",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // Where nodes tell, they tell for all.
    if context.mesh.nodes_run_native_sidecars != Some(true) {
        return Vec::new();
    }
    let others = mutators(context);
    context.restarted().filter_map(|workload| hit(context, workload, &others)).collect()
}

/// Webhooks that are not Istio's and may change pods.
fn mutators<'a>(context: &Context<'a>) -> Vec<(&'a str, &'a Webhook)> {
    let all = context.objects().mutating_webhooks.iter().filter(|one| !is_istio(&one.metadata));
    all.flat_map(|one| one.webhooks.iter().map(|webhook| (one.metadata.name.as_str(), webhook))).collect()
}

fn hit(context: &Context<'_>, workload: &Workload, others: &[(&str, &Webhook)]) -> Option<Hit> {
    let version = context.version_of(workload.on_restart.revision.as_ref()?)?;
    let is_pinned = workload.template.metadata.annotation(PINNED).is_some_and(|value| !value.is_empty());
    if is_pinned || workload.on_restart.native != Some(false) || !context.crosses(version, SINCE) {
        return None;
    }
    let count = pods_of(context, workload, ProxyKind::Classic);
    let inits: Vec<&str> =
        workload.template.spec.init_containers.iter().map(|one| one.name.as_str()).collect();
    (count > 0).then(|| {
        let hit = Hit::new(&workload.workload, format!("{count} classic pods become native when they move"))
            .because(format!("{version} injects classic ones, and every node's kubelet is 1.33 or newer"));
        let pod = shown(context, workload);
        let wants =
            |webhook: &Webhook| pod.as_ref().is_some_and(|(namespace, pod)| webhook.wants(namespace, pod));
        let names: BTreeSet<&str> =
            others.iter().filter(|(_, webhook)| wants(webhook)).map(|(name, _)| *name).collect();
        let hit = names.into_iter().fold(hit, |hit, name| {
            hit.because(format!("MutatingWebhookConfiguration/{name} may change its pods too"))
        });
        if inits.is_empty() {
            hit
        } else {
            hit.because(format!("{} will start after the proxy", inits.join(", ")))
        }
    })
}
