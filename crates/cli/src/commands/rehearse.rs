//! `meshlift rehearse [MESH]`: as far as it is built.

use std::path::PathBuf;

use clap::Args;
use meshlift_report::plan;

use crate::Exit;
use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::upgrade::UpgradeArgs;

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    #[command(flatten)]
    upgrade: UpgradeArgs,
    /// Plan file to carry out (default: a plan is made)
    #[arg(long, value_name = "FILE", help_heading = "Upgrade")]
    plan: Option<PathBuf>,
    /// Write no report file
    #[arg(long)]
    no_report: bool,
}

pub(crate) fn run(args: &RehearseArgs, console: &Console) -> Result<Exit, Failure> {
    let upgrade = args.upgrade.gather(console)?;
    if upgrade.manifest.is_none() {
        return Err(CliError::NoManifest(upgrade.target).into());
    }
    let plan = match &args.plan {
        Some(path) => {
            let plan = super::plan::read(path)?;
            meshlift_planner::fits(&plan, &upgrade.mesh, &upgrade.snapshot_digest)?;
            plan
        }
        None => upgrade.plan(console)?.0,
    };
    let next = format!("meshlift check {}", args.upgrade.flags(&upgrade.intent));
    console.print(&plan::screen(&plan, &[next], console.stdout))?;
    console.say("the rehearsal ends here: the twin is not connected yet\n");
    Ok(Exit::No)
}
