//! Gates: each judged by asking, never by what the run believes. Unknown blocks (law 11).

use meshlift_model::action::ActionKind;
use meshlift_model::defaults::{DRY_RUN_PROOFS, SELECTOR_SETTLE_SECONDS};
use meshlift_model::effect::{Query, RevisionView};
use meshlift_model::finding::Severity;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plan::{Gate, Plan, Step};
use meshlift_model::plant::{Plant, is_planted};

use crate::actions::{Proof, not_ready, prove};
use crate::look::Look;
use crate::next::{Judged, Next};
use crate::others::stop_if_wrong;
use crate::preconditions::{nobody, some_of};

/// Judges one gate of the step at work.
pub(crate) fn judge(look: &Look<'_>, index: usize) -> Next {
    if is_planted(Plant::SkippedGate) {
        return Next::Done("the actions are through".to_owned());
    }
    match look.patiently(look.began, dispatch(look, &look.plan_step().gates[index])) {
        Ok(next) | Err(next) => next,
    }
}

fn dispatch(look: &Look<'_>, gate: &Gate) -> Judged {
    match gate {
        Gate::RevisionHealthy { revision, ready_min } => healthy(look, revision, *ready_min),
        Gate::NothingMoved => nothing_moved(look),
        Gate::PodsOnRevision { revision, workloads } => pods_on_revision(look, revision, workloads),
        Gate::NoNewFindings => no_new_findings(look),
        Gate::Injects { namespace, revision } => prove(
            look,
            Proof {
                namespace,
                revision: revision.as_ref(),
                workloads: &workloads_in(look.plan_step(), namespace),
                settle_seconds: settle_seconds(look.plan()),
                count: DRY_RUN_PROOFS,
            },
        ),
        Gate::NoConsumers { revision } => {
            let what = format!("revision {revision}");
            nobody(look, Query::Consumers { revision: revision.clone() }, &what)?;
            Ok(Next::Done(format!("neither API objects nor istiods know of anybody who needs {what}")))
        }
        Gate::NoFollowers { tag } => {
            nobody(look, Query::Followers { tag: TagName::new(tag) }, &format!("tag {tag}"))?;
            Ok(Next::Done(format!("nothing follows tag {tag}")))
        }
    }
}

fn healthy(look: &Look<'_>, revision: &RevisionName, ready_min: i32) -> Judged {
    let view = look.revision(revision)?;
    // A gate may speak of the old revision too: rollback needs it. Its version is not the target's.
    let version = view.and_then(|view| view.version.clone()).filter(|_| *revision != look.plan().revision);
    let version = version.unwrap_or_else(|| look.plan().target.clone());
    if let Some(why) = not_ready(view, ready_min, &version) {
        return Err(Next::hold(format!("revision {revision}: {why}")));
    }
    let ready = view.map_or(0, |view| view.ready);
    match view.and_then(root_trouble) {
        Some(why) => Err(Next::hold(format!("revision {revision}: {why}"))),
        None => Ok(Next::Done(format!("{ready} istiods of {revision} are ready, with the same root CA"))),
    }
}

/// Two roots in one mesh break mutual TLS; an unknown one may.
fn root_trouble(view: &RevisionView) -> Option<String> {
    let Some(root) = &view.root_ca else { return Some("its root CA is unknown".to_owned()) };
    let other = view.other_root_cas.iter().find(|other| *other != root)?;
    Some(format!("its root CA {root} is not the mesh's {other}"))
}

fn nothing_moved(look: &Look<'_>) -> Judged {
    let (pods, digest) = look.census()?;
    match &look.state().census {
        Some(before) if before == digest => Ok(Next::Done(format!("{pods} pods are as they were"))),
        Some(_) => Err(Next::hold("pods or Gateways changed during the step")),
        None => Err(Next::hold("how pods were before the step is not known")),
    }
}

fn pods_on_revision(look: &Look<'_>, revision: &RevisionName, workloads: &[ObjectRef]) -> Judged {
    let query = |workload: &ObjectRef| Query::Workload { workload: workload.clone() };
    look.ask_all(workloads.iter().map(query))?;
    let (mut pods, mut missing) = (0, Vec::new());
    for workload in workloads {
        let view = look.present_workload(workload)?;
        let cohort = look.cohort(view, revision);
        stop_if_wrong(look, &cohort, |_| true)?;
        cohort.stop_if_crashing(|pod| look.state().started.is_some_and(|started| pod.created >= started))?;
        pods += cohort.moved();
        if !cohort.all_moved() {
            missing.push(cohort.missing());
        }
    }
    if missing.is_empty() {
        return Ok(Next::Done(format!("{pods} pods of {} workloads are on {revision}", workloads.len())));
    }
    Err(Next::hold(some_of(&missing)))
}

fn no_new_findings(look: &Look<'_>) -> Judged {
    let (before, announced) = (&look.state().baseline, &look.plan_step().announces);
    let findings = look.findings()?;
    let is_new = |key: &String| !before.contains(key) && !announced.contains(key);
    // What is only worth knowing asks nobody for anything: a workload that was scaled dips otherwise than before.
    let new: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info && is_new(&finding.key))
        .map(|finding| format!("{}: {}", finding.key, finding.detail))
        .collect();
    if new.is_empty() {
        return Ok(Next::Done(format!("{} findings, none of them new", findings.len())));
    }
    Err(Next::hold(format!("new since the step began: {}", some_of(&new))))
}

/// Seconds that a selector's change needs to reach all caches.
pub(crate) fn settle_seconds(plan: &Plan) -> i64 {
    plan.intent.limits.selector_settle_seconds.unwrap_or(SELECTOR_SETTLE_SECONDS)
}

/// Workloads of a namespace that the step touches: their templates are tried.
fn workloads_in(step: &Step, namespace: &str) -> Vec<ObjectRef> {
    let mut workloads = Vec::new();
    for action in &step.actions {
        match &action.kind {
            ActionKind::Move(one) if one.workload.namespace == namespace => {
                workloads.push(one.workload.clone())
            }
            ActionKind::ProveInjection { namespace: proven, workloads: tried, .. } if proven == namespace => {
                workloads.extend(tried.iter().cloned());
            }
            ActionKind::Move(_)
            | ActionKind::ProveInjection { .. }
            | ActionKind::ApplyCrds { .. }
            | ActionKind::InstallRevision { .. }
            | ActionKind::SelectRevision { .. }
            | ActionKind::SetTag { .. }
            | ActionKind::RemoveTag { .. }
            | ActionKind::Scale { .. }
            | ActionKind::RemoveRevision { .. } => {}
        }
    }
    workloads.sort();
    workloads.dedup();
    workloads
}

/// A gate in words.
#[must_use]
pub fn gate_words(gate: &Gate) -> String {
    match gate {
        Gate::RevisionHealthy { revision, ready_min } => {
            format!("at least {ready_min} istiods of {revision} ready, same root CA")
        }
        Gate::NothingMoved => "no pod or Gateway changed".to_owned(),
        Gate::PodsOnRevision { revision, workloads } => match workloads.as_slice() {
            [one] => format!("{one} on {revision}"),
            many => format!("{} workloads on {revision}", many.len()),
        },
        Gate::NoNewFindings => "no new findings".to_owned(),
        Gate::Injects { namespace, revision: Some(revision) } => {
            format!("new pods in {namespace} get {revision}")
        }
        Gate::Injects { namespace, revision: None } => format!("new pods in {namespace} get no sidecar"),
        Gate::NoConsumers { revision } => format!("nothing needs {revision}"),
        Gate::NoFollowers { tag } => format!("nothing follows tag {tag}"),
    }
}
