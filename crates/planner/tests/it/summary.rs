//! A plan in a few lines, for golden files: what a reviewer would miss if it changed.

use meshlift_model::action::{ActionKind, Cure, MoveHow};
use meshlift_model::plan::{Plan, Step, WaitingOn};
use meshlift_planner::PlanningReport;

pub(crate) fn summary(plan: &Plan, report: &PlanningReport) -> String {
    let from: Vec<String> = plan.from.iter().map(ToString::to_string).collect();
    let mut text = format!("{} -> {} revision {}\n", from.join("+"), plan.target, plan.revision);
    for line in &plan.forward_only {
        text.push_str(&format!("FORWARD {line}\n"));
    }
    plan.waiting.iter().for_each(|one| text.push_str(&waits(one)));
    plan.steps.iter().for_each(|one| text.push_str(&step(one)));
    text.push_str(&format!("UNTOUCHED {}\n", plan.untouched.len()));
    for note in &report.notes {
        text.push_str(&format!("NOTE {} {}\n", note.code, note.text));
    }
    text
}

fn waits(one: &WaitingOn) -> String {
    let code = one.code.as_deref().unwrap_or("-");
    let holds: Vec<String> = one.holds.iter().map(|held| held.short()).collect();
    let mut line = format!("WAIT {} {code} {}", one.subject, one.reason);
    if !one.offers.is_empty() {
        line.push_str(&format!(" [{}]", one.offers.join("|")));
    }
    if !holds.is_empty() {
        line.push_str(&format!(" holds {}", holds.join(" ")));
    }
    line + "\n"
}

fn step(one: &Step) -> String {
    let person = match &one.person {
        Some(person) if person.approval => " APPROVE",
        Some(_) => " PERSON",
        None => "",
    };
    let mut text = format!(
        "STEP {} | {} | {} pods +{} | {}s bake {}s undo {}s{person}{} | needs {}\n",
        one.id,
        one.title,
        one.pods,
        one.surge_pods,
        one.expected_seconds,
        one.bake_seconds,
        one.undo_seconds,
        if one.approve_after { " approve-after" } else { "" },
        one.needs.join(" "),
    );
    for action in &one.actions {
        if let Some(line) = remarkable(&action.kind) {
            text.push_str(&format!("  {} {line}\n", action.phase));
        }
    }
    for floor in one.floors.iter().filter(|floor| floor.accepted_loss.is_some()) {
        text.push_str(&format!("  loss {}\n", floor.workload.short()));
    }
    for object in &one.may_move {
        text.push_str(&format!("  may move {object}\n"));
    }
    for key in &one.announces {
        text.push_str(&format!("  announces {key}\n"));
    }
    text
}

/// Plain rollouts at full strength and proofs are many and alike; all else is named.
fn remarkable(kind: &ActionKind) -> Option<String> {
    let words = match kind {
        ActionKind::ProveInjection { .. } => return None,
        ActionKind::Move(one) => {
            let plain = one.how == MoveHow::Rollout && one.cures.is_empty() && one.ready_min == one.replicas;
            if plain {
                return None;
            }
            let cures: Vec<String> = one.cures.iter().map(cure).collect();
            format!("{:?} {}/{} {}", one.how, one.ready_min, one.replicas, cures.join(" "))
        }
        ActionKind::SelectRevision { from, to, .. } => format!("{from} -> {to}"),
        ActionKind::InstallRevision { replicas_min, creates, .. } => {
            format!("{replicas_min} replicas, {} objects", creates.len())
        }
        ActionKind::ApplyCrds { names, .. } => format!("{} CRDs", names.len()),
        ActionKind::SetTag { from, to, .. } => {
            format!("{} -> {to}", from.as_ref().map_or("-", |one| one.as_str()))
        }
        ActionKind::RemoveTag { from, .. } => format!("was {from}"),
        ActionKind::Scale { from, to, .. } => format!("{from} -> {to}"),
        ActionKind::RemoveRevision { objects, .. } => format!("{} objects", objects.len()),
    };
    Some(format!("{} {} {}", kind.verb(), kind.subject(), words.trim()))
}

fn cure(cure: &Cure) -> String {
    match cure {
        Cure::ScaleUp { from, to, autoscaler } => {
            format!("scale {from}->{to}{}", if autoscaler.is_some() { " by autoscaler" } else { "" })
        }
        Cure::RaiseQuota { quota, resource, from, to } => {
            format!("quota {} {resource} {from}->{to}", quota.short())
        }
        Cure::SetStrategy { from, to } => format!("strategy {from:?}->{to:?}"),
        Cure::SetPartition { from, to } => format!("partition {from}->{to}"),
    }
}
