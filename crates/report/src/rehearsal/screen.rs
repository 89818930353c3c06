//! The end of `meshlift rehearse` on a terminal.

use meshlift_model::journal::RunResult;
use meshlift_model::run_report::{GateReport, RunReport, ServiceReport, StepReport};

use super::{Rehearsal, losers, name, seconds, verdict, waiting};
use crate::text::{
    Style, Tone, WIDTH, columns, count, cut, duration, figure, fold_title, hang, hang_at, short,
};
use crate::{plan, words};

/// Columns of a step's title.
const TITLE_WIDTH: usize = 49;
/// Columns of a workload's name.
const NAME_WIDTH: usize = 33;
/// Rows of the loss table; the report file has them all.
const LOSERS_MAX: usize = 12;

/// The screen; `next` are commands, best first.
#[must_use]
pub fn screen(rehearsal: &Rehearsal<'_>, next: &[String], style: Style) -> String {
    let report = rehearsal.report;
    let tone = match report.result {
        RunResult::Done if report.violations.is_empty() => Tone::Good,
        RunResult::Done | RunResult::Waiting => Tone::Warn,
        RunResult::Failed | RunResult::RolledBack => Tone::Bad,
    };
    let result = words::result(report.result).to_uppercase();
    let mut text = head(rehearsal, style);
    text.push_str(&steps(report, style));
    text.push_str(&gates(report, style));
    text.push_str(&faults(report, style));
    text.push_str(&losses(report, style));
    text.push_str(&endpoints(report, style));
    text.push_str(&violations(report, style));
    text.push_str(&plan::waiting(&waiting(report), style));
    text.push_str(&list("RESTS ON", &report.assumptions, style));
    text.push_str(&list("NOT TRIED", &report.not_tested, style));
    let head = hang(&format!("{result}  "), &verdict(rehearsal));
    text.push_str(&head.replacen(&result, &style.paint(tone, &result), 1));
    for (index, command) in next.iter().enumerate() {
        text.push_str(if index == 0 { "next: " } else { "      " });
        text.push_str(command);
        text.push('\n');
    }
    text
}

fn head(rehearsal: &Rehearsal<'_>, style: Style) -> String {
    let plan = rehearsal.plan;
    let from: Vec<String> = plan.from.iter().map(ToString::to_string).collect();
    let line = format!(
        "plan {}  {} → {}  revision {} · seed {} · best and worst corner · virtual time",
        short(&plan.digest),
        from.join(" and "),
        plan.target,
        plan.revision,
        rehearsal.seed
    );
    hang("REHEARSAL  ", &line).replacen("REHEARSAL", &style.heading("REHEARSAL"), 1)
}

fn steps(report: &RunReport, style: Style) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    let mut text = step_table(&report.steps, style);
    let figures = &report.figures;
    let line = format!(
        "{} moved in {} · at most {} pods on top · undo of everything at most {}",
        count(figures.pods_moved, "pod"),
        duration(figures.makespan_seconds),
        figures.capacity_peak_extra_pods,
        duration(figures.undo_seconds_max)
    );
    text.push_str(&hang("     ", &line));
    text
}

/// Steps, where they stand, and how long they took.
pub(crate) fn step_table(steps: &[StepReport], style: Style) -> String {
    let head = format!("{:>3}  {:<50}{:<10}{:>8}", "#", "STEP", "STATE", "TOOK");
    let mut text = format!("{}\n", style.heading(&head));
    for (index, step) in steps.iter().enumerate() {
        let took = seconds(step).map_or(String::new(), duration);
        let title = fold_title(&step.action, TITLE_WIDTH);
        let row = format!("{:>3}  {:<50}{:<10}{took:>8}", index + 1, title[0], step.state);
        text.push_str(&cut(row.trim_end(), WIDTH).replacen(
            &step.state,
            &style.paint(tone(step), &step.state),
            1,
        ));
        text.push('\n');
        text.extend(title.iter().skip(1).map(|line| format!("       {line}\n")));
    }
    text
}

fn tone(step: &StepReport) -> Tone {
    match step.state.as_str() {
        "done" => Tone::Good,
        "undone" | "held" => Tone::Bad,
        "waiting" => Tone::Warn,
        _ => Tone::Dim,
    }
}

fn gates(report: &RunReport, style: Style) -> String {
    gate_lines(&report.gates, style)
}

/// How many gates held, and each that did not.
pub(crate) fn gate_lines(gates: &[GateReport], style: Style) -> String {
    let failed: Vec<_> = gates.iter().filter(|gate| !gate.passed).collect();
    let passed = gates.len() - failed.len();
    let line = format!("{passed} passed, {} failed", failed.len());
    let mut text = hang("GATES  ", &line).replacen("GATES", &style.heading("GATES"), 1);
    for gate in failed {
        let line = format!("{}: {}: {}", gate.step, gate.gate, gate.reason);
        text.push_str(&style.paint(Tone::Bad, hang_at("  ", 4, &line).trim_end()));
        text.push('\n');
    }
    text
}

/// Faults that struck, in one line, and how many did not.
fn faults(report: &RunReport, style: Style) -> String {
    let Some(first) = report.faults.first() else { return String::new() };
    let struck = report.faults.iter().filter_map(|fault| {
        let persists = if fault.persists { " (persists)" } else { "" };
        Some(format!("{} {} at {}{persists}", fault.kind, fault.object, fault.at?))
    });
    let mut all: Vec<String> = struck.collect();
    let missed = report.faults.len() - all.len();
    if missed > 0 {
        all.push(format!("{missed} found no place to strike"));
    }
    let line = format!("seed {}: {}", first.seed, all.join(" · "));
    hang_at("FAULTS  ", 2, &line).replacen("FAULTS", &style.heading("FAULTS"), 1)
}

fn losses(report: &RunReport, style: Style) -> String {
    let losers = losers(report);
    let figures = &report.figures;
    if report.workloads.is_empty() {
        return format!("{}  no traffic was simulated\n", style.heading("REQUESTS LOST"));
    }
    let line = format!(
        "best corner {} ({} accepted by the intent) · worst corner {} · cut: {} requests, {} connections",
        figure(figures.requests_lost),
        figure(figures.requests_lost_accepted),
        figure(figures.requests_lost_worst),
        figure(figures.requests_cut),
        figure(figures.connections_cut)
    );
    let mut text = hang_at("REQUESTS LOST  ", 2, &line);
    text = text.replacen("REQUESTS LOST", &style.heading("REQUESTS LOST"), 1);
    if losers.is_empty() {
        return text;
    }
    let head = format!(
        "  {:<34}{:<9}{:>7}{:>8}{:>8}  {}",
        "WORKLOAD", "VERDICT", "READY", "BEST", "WORST", "ACCEPTED"
    );
    text.push_str(&format!("{}\n", style.heading(&head)));
    for workload in losers.iter().take(LOSERS_MAX) {
        let mut name = name(workload);
        // A long name gets a line of its own, so that the columns stay where they are.
        if columns(&name) > NAME_WIDTH {
            text.push_str(&format!("  {}\n", cut(&name, WIDTH - 2)));
            name.clear();
        }
        let row = format!(
            "  {name:<34}{:<9}{:>7}{:>8}{:>8}  {}",
            words::verdict(workload.verdict),
            format!("{}/{}", workload.ready_min, workload.replicas),
            figure(workload.requests_lost),
            figure(workload.requests_lost_worst),
            if workload.accepted_hazards.is_empty() { "" } else { "yes" }
        );
        text.push_str(row.trim_end());
        text.push('\n');
        if workload.requests_lost > 0.0 {
            let said = workload.why.iter().chain(&workload.accepted_hazards);
            text.push_str(&hang_at("    ", 4, &said.cloned().collect::<Vec<_>>().join(" · ")));
        }
    }
    if losers.len() > LOSERS_MAX {
        text.push_str(&format!("  and {} more, in the report\n", losers.len() - LOSERS_MAX));
    }
    text
}

/// Services that had fewer ready endpoints than at the start.
fn endpoints(report: &RunReport, style: Style) -> String {
    const SHOWN_MAX: usize = 8;
    if report.services.is_empty() {
        return String::new();
    }
    let least = |service: &ServiceReport| service.endpoints_min.min(service.endpoints_min_worst);
    let mut dipped: Vec<_> =
        report.services.iter().filter(|service| least(service) < service.endpoints).collect();
    dipped.sort_by_key(|service| (least(service), &service.namespace, &service.name));
    let kept = report.services.len() - dipped.len();
    let shown = dipped.iter().take(SHOWN_MAX).map(|service| {
        format!("{}/{} {} of {}", service.namespace, service.name, least(service), service.endpoints)
    });
    let mut line = format!("{kept} of {} kept all", count(report.services.len(), "Service"));
    if !dipped.is_empty() {
        line.push_str(&format!("; at the least: {}", shown.collect::<Vec<_>>().join(" · ")));
    }
    if dipped.len() > SHOWN_MAX {
        line.push_str(&format!(" and {} more", dipped.len() - SHOWN_MAX));
    }
    let label = "READY ENDPOINTS";
    hang_at(&format!("{label}  "), 2, &line).replacen(label, &style.heading(label), 1)
}

fn violations(report: &RunReport, style: Style) -> String {
    if report.violations.is_empty() {
        return format!("{}  none: nothing was worse than announced\n", style.heading("VIOLATIONS"));
    }
    let mut text = format!("{}\n", style.paint(Tone::Bad, "VIOLATIONS"));
    for violation in &report.violations {
        let line =
            format!("{} {}: {} (law: {})", violation.at, violation.subject, violation.detail, violation.law);
        text.push_str(&hang_at("  ", 4, &line));
    }
    text
}

fn list(label: &str, items: &[String], style: Style) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.heading(label));
    text.extend(items.iter().map(|item| hang_at("  - ", 4, item)));
    text
}
