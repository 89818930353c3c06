//! A live cluster: found as kubectl finds it, read with progress on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use meshlift_kube::collect::{Options, Progress, collect};
use meshlift_kube::{Access, Connection};
use meshlift_model::snapshot::{Snapshot, SourceStatus};
use meshlift_report::text;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::Failure;

/// Between two looks of the moving line.
const TICK: Duration = Duration::from_millis(120);
/// Sources that are said to be unread; `inspect` lists all.
const UNREAD_SHOWN_MAX: usize = 5;

/// The way to the cluster that the flags name.
pub(crate) fn connect(args: &MeshArgs) -> Result<Connection, Failure> {
    let access = Access { kubeconfig: args.kubeconfig.clone(), context: args.context.clone() };
    Ok(Connection::open(&access)?)
}

/// Reads the mesh of the cluster that the flags name. Nothing is written there.
pub(crate) fn read(args: &MeshArgs, console: &Console) -> Result<Snapshot, Failure> {
    let connection = connect(args)?;
    let server = connection.server();
    let bar = console.watched.then(|| {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar
    });
    match &bar {
        Some(bar) => bar.set_message(format!("reading {server}")),
        None => console.say(&format!("reading    {server}\n")),
    }
    let snapshot = collect(&connection, &Options::default(), &mut |progress: &Progress| {
        if let Some(bar) = &bar {
            bar.set_message(format!("reading {server}: {} {}", progress.items, progress.source));
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let snapshot = snapshot?;
    console.say(&summary(&snapshot, server));
    Ok(snapshot)
}

/// What was read, and what was not.
fn summary(snapshot: &Snapshot, server: &str) -> String {
    let mut unread = Vec::new();
    let mut read = 0;
    for (name, status) in &snapshot.sources {
        match status {
            SourceStatus::Read { .. } => read += 1,
            SourceStatus::Absent => {}
            SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => unread.push((name, reason)),
        }
    }
    let mut words = format!(
        "read       {} of {} on {server}\n",
        text::count(snapshot.objects.len(), "object"),
        text::count(read, "source")
    );
    for (name, reason) in unread.iter().take(UNREAD_SHOWN_MAX) {
        words.push_str(&format!("not read   {name}: {reason}\n"));
    }
    let rest = unread.len().saturating_sub(UNREAD_SHOWN_MAX);
    if rest > 0 {
        words.push_str(&format!("not read   and {rest} more; `meshlift inspect` lists them\n"));
    }
    words
}
