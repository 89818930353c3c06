//! ML4005: configuration that the target's own validator refuses.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Revision;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::{SourceStatus, VALIDATOR};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4005",
        layer: Layer::Configuration,
        versions: Versions::Target,
        title: "The target's istiod refuses this configuration",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "change the object until the new istiod takes it: the error message names the field",
        why: "Where istiods of both revisions run, meshlift sends every object to the validator of each as a dry \
              run. What the new one refuses cannot be applied any more once it validates, by people or by GitOps; \
              and istiod's code trusts that its validator has seen what it reads: such an object may be skipped or \
              misread, and one of them made istiod crash. Before the target's istiod runs, this cannot be asked; a \
              run asks as soon as it is installed, and waits where it refuses what the old one takes.",
        see: "`kubectl get KIND NAME -n NAMESPACE -o yaml | istioctl validate -f -` with the target's istioctl.",
        fix: "Correct the field that the error message names. A form that both istiods take keeps the way back \
              open.",
        sources: &[
            "https://github.com/istio/istio/blob/release-1.30/pkg/webhooks/validation/server/server.go",
            "https://istio.io/latest/docs/ops/common-problems/validation/",
            "https://github.com/istio/istio/issues/60110",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

/// What istiods of a revision refuse; they all read the same objects, so one of them is asked.
type Refusals = BTreeMap<ObjectRef, String>;

fn find(context: &Context<'_>) -> Vec<Hit> {
    let others: Vec<&Revision> =
        context.mesh.revisions.values().filter(|revision| !context.is_target(&revision.name)).collect();
    // Without another istiod there is nobody to take over from.
    if others.iter().all(|revision| revision.istiods.is_empty()) {
        return Vec::new();
    }
    let before: Vec<&Refusals> = others.iter().filter_map(|revision| refusals(context, revision)).collect();
    let targets = context.targets().filter(|revision| !revision.istiods.is_empty());
    targets.flat_map(|revision| of_revision(context, revision, &before)).collect()
}

fn of_revision(context: &Context<'_>, revision: &Revision, before: &[&Refusals]) -> Vec<Hit> {
    let Some(refused) = refusals(context, revision) else {
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        let hit = Hit::new(&subject, format!("its validator was not asked: {}", why_not(context, revision)));
        let hint = "check the live mesh, or record it anew: a reader with `pods/portforward` asks by itself";
        return vec![hit.hint(hint).severity(Severity::Info).unknown()];
    };
    let hits = refused.iter().map(|(object, words)| {
        let hit = Hit::new(object, format!("istiod of {} refuses it: {words}", revision.name));
        // Whoever refuses it today reads it no better.
        if before.iter().any(|refused| refused.contains_key(object)) {
            hit.because("the istiod that serves now refuses it too").severity(Severity::Info)
        } else {
            hit
        }
    });
    hits.collect()
}

fn refusals<'a>(context: &Context<'a>, revision: &Revision) -> Option<&'a Refusals> {
    let answers = &context.mesh.snapshot.istiods;
    revision.istiods.iter().find_map(|pod| answers.get(pod)?.refusals.as_ref())
}

fn why_not(context: &Context<'_>, revision: &Revision) -> String {
    let asked =
        revision.istiods.iter().map(|pod| context.mesh.snapshot.source(&format!("istiod/{pod}/{VALIDATOR}")));
    let reasons = asked.filter_map(|status| match status {
        SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => Some(reason),
        SourceStatus::Read { .. } | SourceStatus::Absent => None,
    });
    // Of several pods one is asked: what is said of it comes before what is said of those that nobody asked.
    reasons.min_by_key(|reason| reason == "not recorded").unwrap_or_else(|| "not recorded".to_owned())
}
