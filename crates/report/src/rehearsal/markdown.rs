//! The report for a ticket or a pull request.

use super::{Rehearsal, losers, name, seconds, verdict, waiting};
use crate::text::{duration, figure};
use crate::words;

/// The report as Markdown.
#[must_use]
pub fn markdown(rehearsal: &Rehearsal<'_>) -> String {
    let report = rehearsal.report;
    let mut text = format!("# Rehearsal: {}\n\n{}\n", words::result(report.result), verdict(rehearsal));
    text.push_str("\n## Steps\n\n| # | step | state | took | undo |\n|---|---|---|---|---|\n");
    for (index, step) in report.steps.iter().enumerate() {
        let took = seconds(step).map_or(String::new(), duration);
        text.push_str(&row(&[&(index + 1).to_string(), &step.action, &step.state, &took, &step.undo]));
    }
    text.push_str(
        "\n## Lost\n\n| workload | verdict | ready | best | worst | why |\n|---|---|---|---|---|---|\n",
    );
    for workload in losers(report) {
        let ready = format!("{}/{}", workload.ready_min, workload.replicas);
        let best = figure(workload.requests_lost);
        let worst = figure(workload.requests_lost_worst);
        let why = workload.why.join("; ");
        text.push_str(&row(&[
            &name(workload),
            words::verdict(workload.verdict),
            &ready,
            &best,
            &worst,
            &why,
        ]));
    }
    let violations = report.violations.iter().map(|v| format!("{} {}: {}", v.at, v.subject, v.detail));
    text.push_str(&list("Violations", violations));
    text.push_str(&list(
        "Waits for a person",
        waiting(report).iter().map(|on| format!("{}: {}", on.subject, on.reason)),
    ));
    text.push_str(&list("Rests on", report.assumptions.iter().cloned()));
    text.push_str(&list("Not tried", report.not_tested.iter().cloned()));
    text
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn list(title: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("- {item}\n")).collect();
    format!("\n## {title}\n\n{}", if items.is_empty() { "none\n".to_owned() } else { items })
}
