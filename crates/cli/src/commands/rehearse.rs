//! `meshlift rehearse [MESH]`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use meshlift_checks::assessment::Assessment;
use meshlift_model::event::Event;
use meshlift_model::journal::RunResult;
use meshlift_model::plan::Plan;
use meshlift_rehearsal::Rehearsal;
use meshlift_report::rehearsal::{self, Rehearsal as Shown};
use meshlift_report::{check, text};
use meshlift_views::kubectl::quoted;

use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::progress::Progress;
use crate::runs::known_step;

use crate::upgrade::{Upgrade, UpgradeArgs};
use crate::{Exit, files};

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    #[command(flatten)]
    upgrade: UpgradeArgs,
    /// Plan file to carry out, with its own target and intent (default: a plan is made)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "intent"], help_heading = "Upgrade")]
    plan: Option<PathBuf>,
    /// Seed: the same seed gives the same bytes
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// What goes wrong on the way, drawn from the seed: a slow, crashing or never ready pod, an istiod that
    /// restarts, other people who scale, relabel or deploy, our own process that dies
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t)]
    faults: Faults,
    /// Rolls everything back once this step of the plan (by its id) is done, and compares the mesh with how it
    /// would be had nobody touched it
    #[arg(long, value_name = "STEP")]
    rollback_after: Option<String>,
    /// Where the HTML report goes [default: meshlift-rehearsal.html, meshlift-demo.html with --demo]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write no report file
    #[arg(long, conflicts_with = "report")]
    no_report: bool,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// How much goes wrong.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Faults {
    /// Nothing
    #[default]
    None,
    /// One to three faults, such as every cluster has
    Light,
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
    /// The report file
    Html,
}

pub(crate) fn run(args: &RehearseArgs, console: &Console) -> Result<Exit, Failure> {
    let (upgrade, plan) = prepare(args, console)?;
    if let Some(step) = &args.rollback_after {
        known_step(step, &plan)?;
    }
    let Some(manifest) = &upgrade.manifest else {
        return Err(CliError::NoManifest(upgrade.target).into());
    };
    let assessment = meshlift_checks::assess(&upgrade.mesh, &upgrade.intent, Some(&upgrade.target));
    tell(&upgrade, &plan, &assessment, console);
    let faults = match args.faults {
        Faults::None => Vec::new(),
        Faults::Light => meshlift_rehearsal::light(args.seed, &plan, &upgrade.mesh.snapshot),
    };
    let rehearsal = Rehearsal {
        mesh: &upgrade.mesh,
        plan: &plan,
        manifest,
        seed: args.seed,
        faults: &faults,
        rollback_after: args.rollback_after.as_deref(),
    };
    let start = upgrade.mesh.snapshot.newest_time().unwrap_or_default();
    let progress = Progress::new(console, start, &plan);
    let outcome = rehearsal.run(&mut |event: &Event| progress.show(event));
    progress.finish();
    let outcome = outcome?;
    let (report, series) = (&outcome.report, outcome.series(&plan));
    let shown = Shown {
        report,
        series: &series,
        mesh: &upgrade.mesh,
        assessment: &assessment,
        plan: &plan,
        seed: args.seed,
    };
    let next = next(args, report);
    write_report(args, &shown, &next, console)?;
    match args.output {
        Format::Table => console.print(&rehearsal::screen(&shown, &next, console.stdout))?,
        Format::Json => console.print_json(report)?,
        Format::Markdown => console.print(&rehearsal::markdown(&shown))?,
        Format::Html => console.print(&rehearsal::html(&shown, &next))?,
    }
    let good = report.result == RunResult::Done && report.violations.is_empty();
    Ok(if good { Exit::Good } else { Exit::No })
}

fn prepare(args: &RehearseArgs, console: &Console) -> Result<(Upgrade, Plan), Failure> {
    let Some(path) = &args.plan else {
        let upgrade = args.upgrade.gather(console)?;
        if upgrade.manifest.is_none() {
            return Err(CliError::NoManifest(upgrade.target).into());
        }
        let plan = upgrade.plan(console)?;
        return Ok((upgrade, plan));
    };
    let plan = super::plan::read(path)?;
    let upgrade = args.upgrade.gather_for(plan.intent.clone(), plan.target.clone(), console)?;
    meshlift_planner::fits(&plan, &upgrade.mesh, &upgrade.snapshot_digest)
        .map_err(|error| Failure::from(error).in_file(path))?;
    Ok((upgrade, plan))
}

/// What was found on the way, one line each.
fn tell(upgrade: &Upgrade, plan: &Plan, assessment: &Assessment, console: &Console) {
    let mesh = &upgrade.mesh;
    let proxies = mesh.pods.values().filter(|pod| !pod.finished && pod.proxy.is_some()).count();
    let found = check::summary(&assessment.findings.iter().collect::<Vec<_>>());
    let pods: usize = plan.steps.iter().map(|step| step.pods).sum();
    console.say(&format!(
        "inspected  {proxies} proxies in {}\n\
         checked    {} block, {} warn, {} info, {} unknown; the intent decides {}\n\
         planned    {} for {}, {} for a person\n\
         rehearsing on the twin, in virtual time: the best corner is shown here, then comes the worst\n",
        text::count(mesh.revisions.len(), "revision"),
        found.block,
        found.warn,
        found.info,
        found.unknown,
        text::count(upgrade.intent.choices.len(), "hazard"),
        text::count(plan.steps.len(), "step"),
        text::count(pods, "pod"),
        text::count(plan.waiting.len(), "decision"),
    ));
}

fn write_report(
    args: &RehearseArgs,
    shown: &Shown<'_>,
    next: &[String],
    console: &Console,
) -> Result<(), Failure> {
    if args.no_report {
        return Ok(());
    }
    let default = if args.upgrade.mesh.demo { "meshlift-demo.html" } else { "meshlift-rehearsal.html" };
    let path = args.report.clone().unwrap_or_else(|| PathBuf::from(default));
    files::write(&path, &rehearsal::html(shown, next))?;
    console.say(&format!("wrote {}\n", path.display()));
    Ok(())
}

/// What to do next: decide what waits, or look closer.
fn next(args: &RehearseArgs, report: &meshlift_model::run_report::RunReport) -> Vec<String> {
    let mesh = args.upgrade.mesh.flags();
    let code = report.waiting.iter().find_map(|on| on.code.as_deref());
    let mut next: Vec<String> = code.map(|code| format!("meshlift explain {code}")).into_iter().collect();
    let plan =
        args.plan.as_ref().map(|path| format!("meshlift plan show {}", quoted(&path.display().to_string())));
    let wish = args.upgrade.wish.again();
    next.push(plan.unwrap_or_else(|| format!("meshlift plan{mesh}{wish} --out plan.yaml")));
    next
}
