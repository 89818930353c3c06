//! `meshlift status`.

use std::time::Duration;

use clap::Args;
use meshlift_live::{Found, LiveError};
use meshlift_model::run_report::{RunStatus, StepReport};
use meshlift_report::status;

use crate::Exit;
use crate::args::Format;
use crate::console::Console;
use crate::failure::Failure;
use crate::runs::{ClusterArgs, Live};

/// Between two looks at a run that is watched.
const LOOK: Duration = Duration::from_secs(2);

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Name of the run [default: the one that is under way, else all are listed]
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Follow it until nobody drives it any more
    #[arg(long)]
    watch: bool,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) fn run(args: &StatusArgs, console: &Console) -> Result<Exit, Failure> {
    let live = args.cluster.open()?;
    let found = match live.runs.find(args.run.as_deref()) {
        Err(LiveError::NoneOpen { .. } | LiveError::Several { .. }) => {
            return list(&live, args.output, console);
        }
        found => found?,
    };
    let found = if args.watch { watch(&live, found, console)? } else { found };
    live.show(&found, args.output, console)
}

/// All runs. Having none is no failure.
fn list(live: &Live, output: Format, console: &Console) -> Result<Exit, Failure> {
    let found = live.runs.all()?;
    let all: Vec<RunStatus> = found.iter().map(|one| one.status(None, "")).collect();
    match output {
        Format::Json => console.print_json(&all)?,
        Format::Table if all.is_empty() => console.print("no run was ever begun here\n")?,
        Format::Table => console.print(&status::list(&all, console.stdout))?,
    }
    Ok(Exit::Good)
}

/// Says what changes, step by step, until nobody executes the run.
fn watch(live: &Live, found: Found, console: &Console) -> Result<Found, Failure> {
    let mut found = found;
    let mut told: Vec<StepReport> = Vec::new();
    loop {
        let steps = found.run.steps();
        for (index, step) in steps.iter().enumerate() {
            if step.state != "pending" && told.get(index).is_none_or(|old| old.state != step.state) {
                console.say(&format!("{}  {}  {}\n", found.run.last_at(), step.action, step.state));
            }
        }
        told = steps;
        if found.executor().is_none() {
            return Ok(found);
        }
        live.connection.wait(tokio::time::sleep(LOOK));
        found = live.runs.find(Some(&found.summary.run))?;
    }
}
