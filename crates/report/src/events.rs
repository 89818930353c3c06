//! Events as lines, for a terminal or a log.

use std::collections::BTreeMap;

use meshlift_model::event::{Event, EventKind};
use meshlift_model::time::Time;

use crate::text::{Style, Tone, duration};
use crate::words;

/// One line per event, or none for what only a moving display needs. `start` is the run's begin, `titles` what
/// people call its steps, by id.
#[must_use]
pub fn line(event: &Event, start: Time, titles: &BTreeMap<String, String>, style: Style) -> Option<String> {
    let text = match &event.kind {
        EventKind::StepStarted { step } => style.heading(titles.get(step).unwrap_or(step)),
        EventKind::ActionStarted { .. } | EventKind::Progress { .. } | EventKind::ActionDone { .. } => {
            return None;
        }
        EventKind::GateJudged { passed: true, .. } => return None,
        EventKind::GateJudged { step, gate, reason, .. } => {
            style.paint(Tone::Bad, &format!("{step}: gate failed: {gate}: {reason}"))
        }
        EventKind::Baking { step, until } => {
            format!("{step} bakes for {}", duration(until.millis_since(event.at) / 1000))
        }
        EventKind::Approved { step, by } => format!("{step} approved by {by}"),
        EventKind::Waiting { step, on } => {
            style.paint(Tone::Warn, &format!("{step} waits: {}: {}", on.subject, on.reason))
        }
        EventKind::Retrying { subject, why } => format!("{subject} is tried again: {why}"),
        EventKind::CommandRefused { command, why } => {
            style.paint(Tone::Warn, &format!("`{command}` changes nothing: {why}"))
        }
        EventKind::Undoing { step, why } => style.paint(Tone::Bad, &format!("{step} is undone: {why}")),
        EventKind::StepEnded { step, state } => format!("{step} {state}"),
        EventKind::RunEnded { result, reason } => {
            style.heading(&format!("the run ends {}: {reason}", words::result(*result)))
        }
    };
    let seconds = event.at.millis_since(start) / 1000;
    Some(format!("{} {text}", style.paint(Tone::Dim, &format!("{:>7}", clock(seconds)))))
}

/// What a moving display shows beside its bar; absent where the event says nothing about the moment.
#[must_use]
pub fn moment(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::Progress { step, subject, moved, pods } => {
            Some(format!("{step} {} {moved}/{pods}", subject.short()))
        }
        EventKind::ActionStarted { step, subject, verb } => {
            Some(format!("{step} {verb} {}", subject.short()))
        }
        EventKind::StepStarted { step } => Some(step.clone()),
        EventKind::Baking { step, .. } => Some(format!("{step} bakes")),
        EventKind::ActionDone { .. }
        | EventKind::GateJudged { .. }
        | EventKind::Approved { .. }
        | EventKind::Waiting { .. }
        | EventKind::Retrying { .. }
        | EventKind::CommandRefused { .. }
        | EventKind::Undoing { .. }
        | EventKind::StepEnded { .. }
        | EventKind::RunEnded { .. } => None,
    }
}

/// Time since the start: `12m`, `2h05m`; `0s` at the start.
fn clock(seconds: i64) -> String {
    if seconds <= 0 { "0s".to_owned() } else { duration(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_when_and_leaves_the_small_steps_to_the_display() {
        let at = Time::from_millis(65_000);
        let event = |kind| Event { at, kind };
        let started = event(EventKind::StepStarted { step: "wave-1".into() });
        let titles = BTreeMap::from([("wave-1".to_owned(), "wave 1 canary: web".to_owned())]);
        let said = |event| line(event, Time::default(), &titles, Style::Plain);
        assert_eq!(said(&started).as_deref(), Some("  1m05s wave 1 canary: web"));
        let done = event(EventKind::ActionDone { step: "wave-1".into(), subject: Default::default() });
        assert_eq!(said(&done), None);
    }
}
