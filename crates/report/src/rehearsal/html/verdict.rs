//! What the rehearsal came to: the verdict in one sentence, and the figures behind it.

use meshlift_model::journal::RunResult;
use meshlift_model::plan::WaitingOn;

use super::timeline::baked_seconds;
use crate::page::markup::{Markup, el};
use crate::page::parts::{badge, code, list, section};
use crate::rehearsal::{Rehearsal, verdict, waiting};
use crate::text::{count, duration, figure};

/// Tone, mark and word of the result.
pub(super) fn result(rehearsal: &Rehearsal<'_>) -> (&'static str, &'static str, &'static str) {
    match rehearsal.report.result {
        RunResult::Done if rehearsal.report.violations.is_empty() => ("good", "✓", "done"),
        RunResult::Done => ("bad", "!", "done, but worse than announced"),
        RunResult::Waiting => ("warn", "◷", "waiting for a person"),
        RunResult::RolledBack => ("warn", "↩", "rolled back"),
        RunResult::Failed => ("bad", "✕", "failed"),
    }
}

/// The sentence and the figures.
pub(super) fn head(rehearsal: &Rehearsal<'_>) -> Markup {
    let (tone, mark, word) = result(rehearsal);
    let sentence = el("p", &[], badge(tone, mark, word).and(" ").and(verdict(rehearsal)));
    let class = format!("verdict {tone}");
    let corners = el(
        "p",
        &[("class", "note")],
        "A snapshot cannot tell how apps stop, how fast endpoints spread and how fast pods start. The best corner takes \
         each of these at its kindest, the worst corner all of them at their harshest: figures come in pairs.",
    );
    el("div", &[("class", &class)], sentence.and(corners)).and(cards(rehearsal))
}

fn cards(rehearsal: &Rehearsal<'_>) -> Markup {
    let figures = &rehearsal.report.figures;
    let steps = rehearsal.report.steps.iter();
    let bakes = steps.map(|report| {
        let step = rehearsal.plan.steps.iter().find(|step| step.id == report.id);
        baked_seconds(report, step)
    });
    let bakes: i64 = bakes.sum();
    let decisions = waiting(rehearsal.report).len();
    let cards = [
        ("Pods moved", figures.pods_moved.to_string(), format!("to revision {}", rehearsal.plan.revision)),
        (
            "Time from start to end",
            duration(figures.makespan_seconds),
            format!("{} of it baking, where nothing is changed", duration(bakes)),
        ),
        (
            "Requests lost, best corner",
            figure(figures.requests_lost),
            format!("{} of them accepted in the intent", figure(figures.requests_lost_accepted)),
        ),
        (
            "Requests lost, worst corner",
            figure(figures.requests_lost_worst),
            "what depends on how apps stop".to_owned(),
        ),
        ("Undo of everything", duration(figures.undo_seconds_max), "at most, at the worst moment".to_owned()),
        (
            "Pods on top",
            figures.capacity_peak_extra_pods.to_string(),
            "at most at any moment: room that nodes must have".to_owned(),
        ),
        ("Decisions open", decisions.to_string(), "wait for a person".to_owned()),
        (
            "Worse than announced",
            count(rehearsal.report.violations.len(), "event"),
            "by checkers that share no code with the planner".to_owned(),
        ),
    ];
    let card = |(word, value, aside): (&str, String, String)| {
        let value = el("dd", &[("class", "value")], value);
        el("div", &[], el("dt", &[], word).and(value).and(el("dd", &[("class", "aside")], aside)))
    };
    el("dl", &[("class", "cards")], cards.into_iter().map(card).collect::<Markup>())
}

/// What was worse than announced, and what waits: only where there is some.
pub(super) fn alarms(rehearsal: &Rehearsal<'_>) -> Markup {
    let report = rehearsal.report;
    let mut alarms = Markup::default();
    if !report.violations.is_empty() {
        let lines = report.violations.iter().map(|violation| {
            let law = format!(" (law: {}, at {})", violation.law, violation.at);
            code(violation.subject.to_string()).and(format!(": {}", violation.detail)).and(law)
        });
        alarms = alarms.and(section("violations", "Worse than announced", list(lines, "")));
    }
    let failed: Vec<_> = report.gates.iter().filter(|gate| !gate.passed).collect();
    if !failed.is_empty() {
        let lines = failed.iter().map(|gate| format!("{}: {}: {}", gate.step, gate.gate, gate.reason));
        alarms = alarms.and(section("gates", "Gates that failed", list(lines, "")));
    }
    let open = waiting(report);
    if !open.is_empty() {
        let waits = list(open.iter().map(waits), "");
        alarms = alarms.and(section("waiting", "Waits for a person", waits));
    }
    alarms
}

fn waits(on: &WaitingOn) -> Markup {
    let mut line = code(on.subject.to_string()).and(format!(": {}", on.reason));
    if let Some(known) = &on.code {
        line = line.and(" ").and(code(known));
    }
    if !on.offers.is_empty() {
        let choose = el("strong", &[], "Choose: ").and(on.offers.join(", "));
        line = line.and(el("p", &[("class", "choose")], choose));
    }
    if !on.holds.is_empty() {
        let held: Vec<String> = on.holds.iter().map(ToString::to_string).collect();
        line = line.and(el("p", &[("class", "note")], format!("Held with it: {}", held.join(" · "))));
    }
    line
}
