//! How a run on a live cluster stands.

use meshlift_model::journal::RunResult;
use meshlift_model::run_report::RunStatus;

use crate::rehearsal::{gate_lines, step_table};
use crate::text::{Style, Tone, count, duration, hang, hang_at, short};
use crate::{plan, words};

/// The screen of `status`, and the end of every verb that drives a run.
#[must_use]
pub fn screen(status: &RunStatus, style: Style) -> String {
    let mut text = head(status, style);
    text.push_str(&step_table(&status.steps, style));
    text.push_str(&gate_lines(&status.gates, style));
    text.push_str(&temporary(status, style));
    let over = matches!(status.result, Some(RunResult::Done | RunResult::RolledBack));
    if !over {
        text.push_str(&plan::waiting(&status.waiting, style));
    }
    text.push_str(&result(status, style));
    for (index, command) in status.next.iter().enumerate() {
        text.push_str(if index == 0 { "next: " } else { "      " });
        text.push_str(command);
        text.push('\n');
    }
    text
}

/// One line per run, newest first.
#[must_use]
pub fn list(runs: &[RunStatus], style: Style) -> String {
    let mut text = format!("{}\n", style.heading(&format!("{:<26}{:<20}{}", "RUN", "UPGRADE", "STANDS")));
    for run in runs {
        let from: Vec<String> = run.from.iter().map(ToString::to_string).collect();
        let upgrade = format!("{} → {}", from.join(" and "), run.target);
        let stands = match (&run.result, &run.executor) {
            (Some(result), _) => words::result(*result).to_owned(),
            (None, Some(executor)) if executor.alive => "running".to_owned(),
            (None, _) => "interrupted".to_owned(),
        };
        text.push_str(&format!("{:<26}{upgrade:<20}{stands}\n", run.run));
    }
    text
}

fn labelled(label: &str, line: &str, style: Style) -> String {
    hang_at(&format!("{label}  "), 5, line).replacen(label, &style.heading(label), 1)
}

fn head(status: &RunStatus, style: Style) -> String {
    let from: Vec<String> = status.from.iter().map(ToString::to_string).collect();
    let line = format!(
        "{}  {} → {}  revision {} · plan {}",
        status.run,
        from.join(" and "),
        status.target,
        status.revision,
        short(&status.plan)
    );
    let mut text = hang("RUN  ", &line).replacen("RUN", &style.heading("RUN"), 1);
    text.push_str(&labelled("BY", &executor(status), style));
    if let Some(why) = &status.hold {
        let why = if why.is_empty() { "no reason given" } else { why };
        let line = format!("a person holds every run: {why}");
        text.push_str(&style.paint(Tone::Warn, labelled("HOLD", &line, Style::Plain).trim_end()));
        text.push('\n');
    }
    text
}

fn executor(status: &RunStatus) -> String {
    let Some(executor) = &status.executor else { return "nobody executes it".to_owned() };
    match (executor.alive, executor.renewed) {
        (true, _) => executor.holder.clone(),
        (false, Some(at)) => format!("nobody; last heard of at {at}: {}", executor.holder),
        (false, None) => format!("nobody; last: {}", executor.holder),
    }
}

fn temporary(status: &RunStatus, style: Style) -> String {
    let mut text = String::new();
    for one in &status.temporary {
        let line = format!("{}: {} · step {} · since {}", one.target, one.what, one.step, one.since);
        text.push_str(&labelled("TEMPORARY", &line, style));
    }
    text
}

fn result(status: &RunStatus, style: Style) -> String {
    let moved = count(status.figures.pods_moved, "pod");
    let took = duration(status.figures.makespan_seconds);
    let (word, tone, line) = match status.result {
        Some(RunResult::Done) => {
            ("DONE", Tone::Good, format!("Moved: {moved} to {} in {took}", status.revision))
        }
        Some(RunResult::RolledBack) => ("ROLLED BACK", Tone::Bad, status.reason.clone()),
        Some(RunResult::Waiting) => ("WAITING", Tone::Warn, format!("{moved} moved; {}", status.reason)),
        Some(RunResult::Failed) => ("FAILED", Tone::Bad, format!("{moved} moved; {}", status.reason)),
        None if status.executor.as_ref().is_some_and(|executor| executor.alive) => {
            ("RUNNING", Tone::Good, format!("{moved} moved in {took}"))
        }
        None => {
            ("INTERRUPTED", Tone::Warn, format!("{moved} moved; whoever executed it ended in the middle"))
        }
    };
    hang(&format!("{word}  "), &line).replacen(word, &style.paint(tone, word), 1)
}
