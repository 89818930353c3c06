//! `meshlift cleanup`.

use std::path::PathBuf;

use clap::Args;
use meshlift_driver::DriverPolicy;
use meshlift_live::{Found, LiveError};
use meshlift_model::journal::Command;
use meshlift_model::plan::Stage;

use super::steer::{self, SteerArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::runs::Live;
use crate::{Exit, files};

/// Arguments of `cleanup`.
#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    #[command(flatten)]
    steer: SteerArgs,
    /// Once the run is over, write its journal to a file and remove it from the cluster
    #[arg(long)]
    forget: bool,
    /// Where the journal goes [default: meshlift-run-NAME.jsonl]
    #[arg(long, value_name = "FILE", requires = "forget")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &CleanupArgs, console: &Console) -> Result<Exit, Failure> {
    let live = args.steer.cluster().open()?;
    let found = live.runs.find(args.steer.run())?;
    if found.is_open() {
        only_cleanup_is_left(&found)?;
        return steer::give(&args.steer, Command::Resume, DriverPolicy::default(), console);
    }
    if args.forget {
        return forget(args, &live, &found, console);
    }
    console.say("the run is over; --forget removes what the cluster keeps of it\n");
    Ok(Exit::Good)
}

/// Removing the old revision comes last: nothing before it is done by this verb.
fn only_cleanup_is_left(found: &Found) -> Result<(), LiveError> {
    let left = found.run.steps_left().filter(|step| !is_cleanup(step.stage));
    let before: Vec<&str> = left.map(|step| step.id.as_str()).collect();
    if before.is_empty() {
        return Ok(());
    }
    let why = format!("these steps come first: {}", before.join(", "));
    Err(LiveError::Unfit { run: found.summary.run.clone(), command: "cleanup", why })
}

fn is_cleanup(stage: Stage) -> bool {
    match stage {
        Stage::Observe | Stage::Dark | Stage::Cleanup => true,
        Stage::Preflight
        | Stage::Crds
        | Stage::ControlPlane
        | Stage::NotBuilt
        | Stage::Canary
        | Stage::Wave
        | Stage::Gateway
        | Stage::Tag
        | Stage::TagBound
        | Stage::Relabel => false,
    }
}

fn forget(args: &CleanupArgs, live: &Live, found: &Found, console: &Console) -> Result<Exit, Failure> {
    let run = &found.summary.run;
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("meshlift-run-{run}.jsonl")));
    files::write(&path, &found.journal()?)?;
    let removed = live.runs.forget(found)?;
    console.say(&format!("wrote {}; {removed} objects of run {run} removed\n", path.display()));
    Ok(Exit::Good)
}
