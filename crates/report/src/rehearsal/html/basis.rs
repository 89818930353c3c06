//! What the figures rest on: what was tried, assumptions, what was not tested, decisions, and what was rehearsed.

use meshlift_model::intent::MoveBy;
use meshlift_model::run_report::FaultReport;

use crate::page::markup::{Markup, el};
use crate::page::parts::{Column, badge, code, facts, folded, list, section, table};
use crate::rehearsal::Rehearsal;

/// What was tried: corners, faults, rollback.
pub(super) fn tried(rehearsal: &Rehearsal<'_>) -> Markup {
    let report = rehearsal.report;
    let mut body = list(&report.tried, "Nothing.");
    body = body.and(el("h3", &[], "Faults"));
    let columns =
        [Column::Text("Fault"), Column::Text("Object"), Column::Text("When"), Column::Text("What it did")];
    let row = |fault: &FaultReport| {
        let kind = Markup::from(&fault.kind);
        let persists = if fault.persists { badge("warn", "!", "persists") } else { Markup::default() };
        vec![
            kind.and(" ").and(persists),
            code(fault.object.to_string()),
            fault.at.map_or("found no place to strike".to_owned(), |at| at.to_string()).into(),
            fault.detail.as_str().into(),
        ]
    };
    let faults = table("Faults that were played", &columns, report.faults.iter().map(row));
    let faults = if faults.is_empty() { el("p", &[], "None were played.") } else { faults };
    section("tried", "What was tried", body.and(faults))
}

/// The assumptions box.
pub(super) fn assumptions(rehearsal: &Rehearsal<'_>) -> Markup {
    let body = list(&rehearsal.report.assumptions, "Nothing.");
    el("div", &[("class", "box")], section("assumptions", "What the figures rest on", body))
}

/// What was not tested.
pub(super) fn not_tested(rehearsal: &Rehearsal<'_>) -> Markup {
    let body = list(&rehearsal.report.not_tested, "Nothing is on this list.");
    el("div", &[("class", "box")], section("not-tested", "What was not tested", body))
}

/// Who decided what, and what stays as it is.
pub(super) fn decisions(rehearsal: &Rehearsal<'_>) -> Markup {
    let plan = rehearsal.plan;
    let columns =
        [Column::Text("Subject"), Column::Text("Choice"), Column::Text("Reason"), Column::Text("Until")];
    let rows = plan.intent.choices.iter().map(|choice| {
        vec![
            code(choice.subject.to_string()),
            choice.choose.to_string().into(),
            choice.reason.as_str().into(),
            choice.until.clone().unwrap_or_else(|| "no end".to_owned()).into(),
        ]
    });
    let choices = table("Choices of the intent", &columns, rows);
    let choices = if choices.is_empty() { el("p", &[], "The intent makes no choices.") } else { choices };
    let rows = plan
        .untouched
        .iter()
        .map(|untouched| vec![code(untouched.subject.to_string()), untouched.reason.as_str().into()]);
    let left = table("Left as it is", &[Column::Text("Object"), Column::Text("Why")], rows);
    let count = plan.untouched.len();
    let left = if left.is_empty() { left } else { folded(format!("Left as it is, and why ({count})"), left) };
    section("decisions", "Decisions", choices.and(left))
}

/// What was rehearsed, so that it can be repeated.
pub(super) fn identity(rehearsal: &Rehearsal<'_>, next: &[String]) -> Markup {
    let Rehearsal { plan, seed, .. } = rehearsal;
    let by = match plan.intent.move_by {
        MoveBy::Namespace => "by namespace",
        MoveBy::Tag => "by tag",
    };
    let none = || "none given".to_owned();
    let faults = if rehearsal.report.faults.is_empty() { "none" } else { "see what was tried" };
    let pairs: Vec<(&str, Markup)> = vec![
        ("Plan", code(&plan.digest)),
        ("Intent", code(&plan.intent_digest)),
        ("Snapshot", code(&plan.snapshot_digest)),
        ("Snapshot taken", plan.snapshot_time.map_or_else(|| "unknown".to_owned(), |t| t.to_string()).into()),
        ("Manifest of the target", code(plan.manifest_digest.clone().unwrap_or_else(none))),
        ("Moves", by.into()),
        ("Traffic", plan.traffic.as_str().into()),
        ("Seed", seed.to_string().into()),
        ("Faults", faults.into()),
        ("meshlift", env!("CARGO_PKG_VERSION").into()),
    ];
    let commands = next.iter().map(|command| el("pre", &[("tabindex", "0")], code(command)));
    let commands = el("h3", &[], "Next").and(commands.collect::<Markup>());
    section("identity", "What was rehearsed", facts(pairs).and(commands))
}
