//! A plan as people review it.

use std::collections::BTreeSet;

use meshlift_model::intent::MoveBy;
use meshlift_model::plan::{Plan, Stage, Step, StepUndo, WaitingOn};

use crate::text::{Style, Tone, WIDTH, count, cut, duration, fold_title, hang, hang_at, short};

/// Columns of a step's title.
const TITLE_WIDTH: usize = 38;

/// The screen of `plan` and `plan show`; `next` are commands, best first.
#[must_use]
pub fn screen(plan: &Plan, next: &[String], style: Style) -> String {
    let mut text = head(plan, style);
    text.push_str(&waiting(&plan.waiting, style));
    text.push_str(&steps(plan, style));
    text.push_str(&untouched(plan, style));
    for (index, command) in next.iter().enumerate() {
        text.push_str(if index == 0 { "next: " } else { "      " });
        text.push_str(command);
        text.push('\n');
    }
    text
}

fn head(plan: &Plan, style: Style) -> String {
    let from: Vec<String> = plan.from.iter().map(ToString::to_string).collect();
    let from = if from.is_empty() { "unknown".to_owned() } else { from.join(" and ") };
    let by = match plan.intent.move_by {
        MoveBy::Namespace => "namespace",
        MoveBy::Tag => "tag",
    };
    let age = plan.snapshot_time.map_or(String::new(), |time| format!(" of {time}"));
    let line = format!(
        "{}  {from} → {}  revision {} · move: {by} · snapshot {}{age} · intent {} · manifest {}",
        short(&plan.digest),
        plan.target,
        plan.revision,
        short(&plan.snapshot_digest),
        short(&plan.intent_digest),
        plan.manifest_digest.as_deref().map_or("none given".to_owned(), short),
    );
    let mut text = hang("PLAN  ", &line).replacen("PLAN", &style.heading("PLAN"), 1);
    let asked = if plan.steps.iter().any(|step| step.approve_after) {
        ": every wave ends in your approval"
    } else {
        ""
    };
    text.push_str(&labelled("TRAFFIC", &format!("{}{asked}", plan.traffic), style));
    for forward_only in &plan.forward_only {
        text.push_str(&labelled("FORWARD-ONLY", forward_only, style));
    }
    let pods: usize = plan.steps.iter().map(|step| step.pods).sum();
    let floors = || plan.steps.iter().flat_map(|step| &step.floors);
    let dips = floors().filter(|floor| floor.ready_min < floor.replicas).count();
    let lossy = floors().filter(|floor| floor.accepted_loss.is_some()).count();
    let workloads: BTreeSet<_> = floors().map(|floor| &floor.workload).collect();
    let mut moves = format!("{} with {}", count(workloads.len(), "workload"), count(pods, "pod"));
    if dips > 0 {
        moves.push_str(&format!(" · {dips} below full capacity while they move"));
    }
    if lossy > 0 {
        moves.push_str(&format!(" · {lossy} with loss that the intent accepts"));
    }
    text.push_str(&labelled("MOVES", &moves, style));
    text
}

fn labelled(label: &str, text: &str, style: Style) -> String {
    hang(&format!("{label}  "), text).replacen(label, &style.heading(label), 1)
}

/// What waits for a person, and what would decide it.
pub(crate) fn waiting(waiting: &[WaitingOn], style: Style) -> String {
    if waiting.is_empty() {
        return String::new();
    }
    let subjects: BTreeSet<_> = waiting.iter().map(|on| &on.subject).collect();
    let mut text = labelled("WAITS FOR YOU", &count(subjects.len(), "subject"), style);
    for on in waiting {
        let code = on.code.as_ref().map_or(String::new(), |code| format!("{code} "));
        text.push_str(&hang_at(&format!("  {code}{}  ", on.subject), 4, &on.reason));
        if !on.offers.is_empty() {
            text.push_str(&hang_at("    choose: ", 12, &on.offers.join(" | ")));
        }
    }
    let held: BTreeSet<_> = waiting.iter().flat_map(|on| &on.holds).collect();
    let held: Vec<String> =
        held.into_iter().filter(|object| !subjects.contains(object)).map(ToString::to_string).collect();
    if !held.is_empty() {
        text.push_str(&hang_at("  held with them: ", 4, &held.join(" · ")));
    }
    text
}

fn steps(plan: &Plan, style: Style) -> String {
    if plan.steps.is_empty() {
        return format!("{}  none: {}\n", style.heading("STEPS"), why_no_steps(plan));
    }
    let head = format!(
        "{:>3}  {:<39}{:>5}{:>9}{:>7}{:>7}{:>8}",
        "#", "STEP", "PODS", "FLOOR", "BAKE", "UNDO", "TIME"
    );
    let mut text = format!("{}\n", style.heading(&head));
    for (index, step) in plan.steps.iter().enumerate() {
        let title = fold_title(&step.title, TITLE_WIDTH);
        let row = format!(
            "{:>3}  {:<39}{:>5}{:>9}{:>7}{:>7}{:>8}",
            index + 1,
            title[0],
            step.pods,
            floor(step),
            if step.bake_seconds == 0 { String::new() } else { duration(step.bake_seconds) },
            undo(step),
            duration(step.expected_seconds + step.bake_seconds),
        );
        text.push_str(&cut(row.trim_end(), WIDTH));
        text.push('\n');
        text.extend(title.iter().skip(1).map(|line| format!("       {line}\n")));
        text.push_str(&person(step, style));
    }
    let seconds: i64 = plan.steps.iter().map(|step| step.expected_seconds + step.bake_seconds).sum();
    text.push_str(&format!("     in all {} if nothing waits\n", duration(seconds)));
    text
}

/// Why a plan has no steps.
pub(crate) fn why_no_steps(plan: &Plan) -> &'static str {
    if plan.waiting.is_empty() { "nothing is left to do" } else { "all that is left to do waits for you" }
}

/// Lowest share of ready pods that a workload of the step keeps.
fn floor(step: &Step) -> String {
    let lowest = step
        .floors
        .iter()
        .filter(|floor| floor.ready_min < floor.replicas)
        .min_by_key(|floor| i64::from(floor.ready_min) * 10_000 / i64::from(floor.replicas.max(1)));
    match (lowest, step.floors.is_empty()) {
        (_, true) => String::new(),
        (None, false) => "all full".to_owned(),
        (Some(floor), false) => format!("{}/{}", floor.ready_min, floor.replicas),
    }
}

fn undo(step: &Step) -> String {
    match step.undo {
        StepUndo::Inverse { .. } => duration(step.undo_seconds),
        StepUndo::ForwardOnly { .. } => "never".to_owned(),
        StepUndo::NotNeeded => String::new(),
    }
}

fn person(step: &Step, style: Style) -> String {
    let mut text = String::new();
    if let Some(person) = step.person.as_ref().filter(|person| !person.approval) {
        text.push_str(&hang_at("     PERSON: ", 7, &person.why).replacen(
            "PERSON",
            &style.paint(Tone::Warn, "PERSON"),
            1,
        ));
        // Commands are copied: never wrapped.
        text.extend(person.commands.iter().map(|command| format!("       $ {command}\n")));
    }
    if step.stage == Stage::NotBuilt {
        text.push_str(&hang_at("     NOT BUILT YET: ", 7, &step.reason));
    }
    if !step.may_move.is_empty() {
        let names: Vec<String> = step.may_move.iter().map(ToString::to_string).collect();
        text.push_str(&hang_at("     may move by themselves: ", 7, &names.join(" · ")));
    }
    text
}

fn untouched(plan: &Plan, style: Style) -> String {
    if plan.untouched.is_empty() {
        return String::new();
    }
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for untouched in &plan.untouched {
        let subject = untouched.subject.to_string();
        match reasons.iter_mut().find(|(reason, _)| *reason == untouched.reason) {
            Some((_, subjects)) => subjects.push(subject),
            None => reasons.push((&untouched.reason, vec![subject])),
        }
    }
    let mut text = format!("{}\n", style.heading("LEFT AS IT IS"));
    for (reason, subjects) in reasons {
        let names = match subjects.as_slice() {
            [] => String::new(),
            few if few.len() <= 3 => few.join(" · "),
            many => format!("{} · {} and {} more", many[0], many[1], many.len() - 2),
        };
        text.push_str(&hang_at("  ", 4, &format!("{names}: {reason}")));
    }
    text
}
