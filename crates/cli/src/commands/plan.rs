//! `meshlift plan [MESH] --to VERSION`, `plan show`, `plan diff` and `plan audit`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use meshlift_mesh::Mesh;
use meshlift_model::plan::Plan;
use meshlift_planner::{audit, diff, is_fatal};
use meshlift_report::plan;
use meshlift_views::kubectl::quoted;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::upgrade::{UpgradeArgs, notes_text};
use crate::{Exit, files, mesh};

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
    /// Say what differs between two plans
    Diff {
        /// Plan that was reviewed
        first: PathBuf,
        /// Plan to compare with it
        second: PathBuf,
        /// Form of the result
        #[arg(short, long, value_enum, default_value_t)]
        output: Terse,
    },
    /// Lint a plan, whoever wrote it; with a mesh more can be told
    Audit {
        /// Plan file
        file: PathBuf,
        #[command(flatten)]
        mesh: MeshArgs,
        /// Form of the result
        #[arg(short, long, value_enum, default_value_t)]
        output: Terse,
    },
}

/// Forms of a plan.
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

/// Forms of what is said about plans.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Terse {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

pub(crate) fn run(args: &PlanArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.file {
        None => make(args, console),
        Some(PlanFile::Show { file, output }) => {
            let next = [format!("meshlift rehearse --snapshot PATH --plan {}", shown(file))];
            print(&read(file)?, *output, &next, console)
        }
        Some(PlanFile::Diff { first, second, output }) => {
            let differences = diff(&read(first)?, &read(second)?);
            match output {
                Terse::Table => console.print(&differences.to_string())?,
                Terse::Json => console.print_json(&differences)?,
            }
            Ok(Exit::Good)
        }
        Some(PlanFile::Audit { file, mesh, output }) => lint(file, mesh, *output, console),
    }
}

fn make(args: &PlanArgs, console: &Console) -> Result<Exit, Failure> {
    let upgrade = args.upgrade.gather(console)?;
    let plan = upgrade.plan(console)?;
    let mut next = format!("meshlift rehearse{}", args.upgrade.flags(&upgrade.intent));
    if let Some(path) = &args.out {
        files::write(path, &meshlift_planner::write(&plan))?;
        console.say(&format!("wrote {}\n", path.display()));
        next = format!("meshlift rehearse{} --plan {}", args.upgrade.flags_of_plan(), shown(path));
    }
    print(&plan, args.output, &[next], console)
}

fn lint(file: &Path, args: &MeshArgs, output: Terse, console: &Console) -> Result<Exit, Failure> {
    let plan = read(file)?;
    let mesh = args.is_given().then(|| mesh::read(args, console)).transpose()?;
    let mesh = mesh.map(|snapshot| Mesh::derive(Arc::new(snapshot)));
    let notes = audit(&plan, mesh.as_ref());
    match output {
        Terse::Json => console.print_json(&notes)?,
        Terse::Table if notes.is_empty() => console.print("nothing to remark\n")?,
        Terse::Table => console.print(&notes_text(&notes))?,
    }
    Ok(if is_fatal(&notes) { Exit::No } else { Exit::Good })
}

/// Reads a plan file, whole and unchanged.
pub(crate) fn read(path: &Path) -> Result<Plan, Failure> {
    meshlift_planner::read(&files::read(path)?).map_err(|error| Failure::from(error).in_file(path))
}

fn shown(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn print(plan: &Plan, output: Format, next: &[String], console: &Console) -> Result<Exit, Failure> {
    match output {
        Format::Table => console.print(&plan::screen(plan, next, console.stdout))?,
        Format::Json => console.print_json(plan)?,
        Format::Yaml => console.print(&meshlift_planner::write(plan))?,
    }
    Ok(Exit::Good)
}
