//! Progress of long work, on stderr: a moving line where a person watches, plain lines elsewhere.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};
use meshlift_model::event::{Event, EventKind};
use meshlift_model::plan::Plan;
use meshlift_model::time::Time;
use meshlift_report::events;

use crate::console::Console;

/// Shows events as they come.
pub(crate) struct Progress<'a> {
    console: &'a Console,
    start: Time,
    titles: BTreeMap<String, String>,
    bar: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Of a run of the plan that starts then.
    pub(crate) fn new(console: &'a Console, start: Time, plan: &Plan) -> Self {
        let titles = plan.steps.iter().map(|step| (step.id.clone(), step.title.clone())).collect();
        let bar = console.watched.then(|| {
            let bar = ProgressBar::new(u64::try_from(plan.steps.len()).unwrap_or_default());
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { console, start, titles, bar }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        let line = events::line(event, self.start, &self.titles, self.console.stderr);
        let Some(bar) = &self.bar else {
            if let Some(line) = line {
                self.console.say(&format!("{line}\n"));
            }
            return;
        };
        if let Some(moment) = events::moment(event) {
            bar.set_message(moment);
        }
        if let Some(line) = line {
            bar.println(line);
        }
        if matches!(event.kind, EventKind::StepEnded { .. }) {
            bar.inc(1);
        }
    }

    /// Takes the moving line away.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
