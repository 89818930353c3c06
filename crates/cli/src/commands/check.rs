//! `meshlift check [MESH] [--to VERSION]`.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use meshlift_mesh::Mesh;
use meshlift_model::finding::{Finding, Severity, Verdict};
use meshlift_report::check;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::wish::WishArgs;
use crate::{Exit, mesh};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    mesh: MeshArgs,
    #[command(flatten)]
    wish: WishArgs,
    /// Show findings of this severity and worse
    #[arg(long, value_enum, default_value_t)]
    severity: Least,
    /// Findings that make the exit code 1; one that is unknown counts with its check's severity
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Least severity that is shown.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Least {
    /// Only what holds an upgrade
    Block,
    /// And what needs attention
    Warn,
    /// And what is worth knowing
    #[default]
    Info,
}

/// What makes the exit code 1.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOn {
    /// A finding that holds an upgrade
    #[default]
    Block,
    /// Or one that needs attention
    Warn,
    /// Or any
    Info,
    /// None
    Never,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// For a ticket
    Markdown,
}

pub(crate) fn run(args: &CheckArgs, console: &Console) -> Result<Exit, Failure> {
    let intent = args.wish.intent(&args.mesh)?;
    let mesh = Mesh::derive(Arc::new(mesh::read(&args.mesh, console)?));
    let assessment = meshlift_checks::assess(&mesh, &intent, intent.target.as_ref());
    let least = match args.severity {
        Least::Block => Severity::Block,
        Least::Warn => Severity::Warn,
        Least::Info => Severity::Info,
    };
    let shown: Vec<&Finding> = assessment.findings.iter().filter(|f| f.severity >= least).collect();
    match args.output {
        Format::Json => console.print_json(&check::check_json(&mesh, &shown))?,
        Format::Markdown => console.print(&check::markdown(&shown))?,
        Format::Table => {
            let next = format!("meshlift plan{}{}", args.mesh.flags(), args.wish.flags(&intent));
            console.print(&check::screen(&shown, &assessment, &next, console.stdout))?;
        }
    }
    let fails = assessment.findings.iter().any(|finding| fails(finding, args.fail_on));
    Ok(if fails { Exit::No } else { Exit::Good })
}

/// By default a failed block, or a check of severity block that could not judge.
fn fails(finding: &Finding, fail_on: FailOn) -> bool {
    match (finding.verdict, fail_on) {
        (_, FailOn::Never) => false,
        (Verdict::Fail | Verdict::Unknown, FailOn::Block) => finding.severity >= Severity::Block,
        (Verdict::Fail | Verdict::Unknown, FailOn::Warn) => finding.severity >= Severity::Warn,
        (Verdict::Fail | Verdict::Unknown, FailOn::Info) => true,
    }
}
