//! `meshlift plan [MESH] --to VERSION`, and `plan show`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use meshlift_model::plan::Plan;
use meshlift_report::plan;

use crate::Exit;
use crate::args::quoted;
use crate::console::Console;
use crate::failure::Failure;
use crate::files;
use crate::upgrade::UpgradeArgs;

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PlanArgs {
    #[command(subcommand)]
    file: Option<PlanFile>,
    #[command(flatten)]
    upgrade: UpgradeArgs,
    /// Write the plan to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Verbs that work on plan files.
#[derive(Debug, Subcommand)]
enum PlanFile {
    /// Show a plan as people review it
    Show {
        /// Plan file
        file: PathBuf,
        /// Form of the result
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// The plan file
    Yaml,
}

pub(crate) fn run(args: &PlanArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.file {
        None => make(args, console)?,
        Some(PlanFile::Show { file, output }) => {
            let next = [format!("meshlift rehearse --snapshot PATH --plan {}", shown(file))];
            print(&read(file)?, *output, &next, console)?;
        }
    }
    Ok(Exit::Good)
}

fn make(args: &PlanArgs, console: &Console) -> Result<(), Failure> {
    let upgrade = args.upgrade.gather(console)?;
    let (plan, _) = upgrade.plan(console)?;
    let mut next = format!("meshlift rehearse {}", args.upgrade.flags(&upgrade.intent));
    if let Some(path) = &args.out {
        files::write(path, &meshlift_planner::write(&plan))?;
        console.say(&format!("wrote {}\n", path.display()));
        next = format!("meshlift rehearse {} --plan {}", args.upgrade.mesh.flags(), shown(path));
    }
    print(&plan, args.output, &[next], console)
}

/// Reads a plan file, whole and unchanged.
pub(crate) fn read(path: &Path) -> Result<Plan, Failure> {
    meshlift_planner::read(&files::read(path)?).map_err(|error| Failure::from(error).in_file(path))
}

fn shown(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn print(plan: &Plan, output: Format, next: &[String], console: &Console) -> Result<(), Failure> {
    match output {
        Format::Table => console.print(&plan::screen(plan, next, console.stdout)),
        Format::Json => console.print_json(plan),
        Format::Yaml => console.print(&meshlift_planner::write(plan)),
    }
}
