//! `meshlift check [MESH] [--to VERSION]`.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use meshlift_checks::{Assessment, assess, assess_against};
use meshlift_mesh::Mesh;
use meshlift_model::finding::{Finding, Severity};
use meshlift_model::intent::Intent;
use meshlift_planner::PlanError;
use meshlift_planner::baseline::Baseline;
use meshlift_report::check::{self, Group};
use meshlift_report::patches::{self, Patch};
use meshlift_report::{junit, sarif};

use crate::clock::today;
use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::selection::Selection;
use crate::upgrade::UpgradeArgs;
use crate::{Exit, files, mesh};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    upgrade: UpgradeArgs,
    /// Show findings of this severity and worse
    #[arg(long, value_enum, default_value_t)]
    severity: Least,
    /// Findings that make the exit code 1; one that is unknown counts with its check's severity
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    /// Only these checks: codes or layers, by commas
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    only: Vec<Selection>,
    /// All but these checks: codes or layers, by commas
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    skip: Vec<Selection>,
    /// Findings that somebody has accepted: not shown, and no reason to fail, until their day
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Group the table by consequence (as it is without this), namespace, layer or label:KEY
    #[arg(long, value_name = "WHAT")]
    group_by: Option<GroupBy>,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Folder for the files of `-o patch`
    #[arg(long, value_name = "DIR", required_if_eq("output", "patch"))]
    out: Option<PathBuf>,
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

/// What a table is grouped by.
#[derive(Clone, Debug)]
enum GroupBy {
    /// What follows for an upgrade
    Consequence,
    /// Namespaces, for their owners
    Namespace,
    /// Layers of the mesh
    Layer,
    /// Values of a label, such as the team's
    Label(String),
}

impl FromStr for GroupBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once(':')) {
            ("consequence", _) => Ok(Self::Consequence),
            ("namespace", _) => Ok(Self::Namespace),
            ("layer", _) => Ok(Self::Layer),
            (_, Some(("label", key))) if !key.is_empty() => Ok(Self::Label(key.to_owned())),
            _ => Err("it is consequence, namespace, layer, or label:KEY, such as label:team".to_owned()),
        }
    }
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// One line for each check that found something
    Summary,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
    /// For a ticket
    Markdown,
    /// A page that needs nothing but itself
    Html,
    /// SARIF 2.1.0, for whatever gathers results of analyses
    Sarif,
    /// XML for whatever shows results of tests
    Junit,
    /// Files for Git: what takes findings away that a patch can take away
    Patch,
}

pub(crate) fn run(args: &CheckArgs, console: &Console) -> Result<Exit, Failure> {
    let UpgradeArgs { mesh, wish, .. } = &args.upgrade;
    args.refuse_what_has_no_effect()?;
    let intent = wish.intent(mesh)?;
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    let mesh = Mesh::derive(Arc::new(mesh::read(mesh, console)?));
    let mut assessment = args.assess(&mesh, &intent)?;
    assessment.findings.retain(|finding| args.selects(finding));
    if let Some(baseline) = baseline {
        apply(&baseline, &mut assessment, console);
    }
    let least = match args.severity {
        Least::Block => Severity::Block,
        Least::Warn => Severity::Warn,
        Least::Info => Severity::Info,
    };
    let shown: Vec<&Finding> = assessment.findings.iter().filter(|f| f.severity >= least).collect();
    let next = format!("meshlift plan{}", args.upgrade.flags(&intent));
    match args.output {
        Format::Json => console.print_json(&check::check_json(&mesh, &shown))?,
        Format::Yaml => console.print_yaml(&check::check_json(&mesh, &shown))?,
        Format::Markdown => console.print(&check::markdown(&shown))?,
        Format::Html => console.print(&check::html(&mesh, &shown, &next))?,
        Format::Sarif => console.print_json(&sarif::sarif(&shown, env!("CARGO_PKG_VERSION")))?,
        Format::Junit => console.print(&junit::junit(&shown, args.fail_on.least()))?,
        Format::Patch => write_patches(args, &patches::patches(&mesh, &assessment, &shown), console)?,
        Format::Summary => console.print(&check::by_check(&shown, &next, console.stdout))?,
        Format::Table => {
            let group = args.group_by.as_ref().unwrap_or(&GroupBy::Consequence).of(&mesh);
            console.print(&check::screen(&shown, &assessment, group, &next, console.stdout))?;
        }
    }
    let fails = |finding: &Finding| args.fail_on.least().is_some_and(|least| finding.severity >= least);
    let exit = if assessment.findings.iter().any(fails) { Exit::No } else { Exit::Good };
    // The process ends: taking a large mesh apart, object by object, takes longer than judging it.
    std::mem::forget((assessment, mesh));
    Ok(exit)
}

impl CheckArgs {
    fn refuse_what_has_no_effect(&self) -> Result<(), Failure> {
        let refusals = [
            (
                self.out.is_some() && !matches!(self.output, Format::Patch),
                "--out is for the files of `-o patch`",
                "other forms go to stdout: `> FILE`",
            ),
            (
                self.group_by.is_some() && !matches!(self.output, Format::Table),
                "--group-by is for the table",
                "leave out `-o`, or sort what comes out: each finding names its subject",
            ),
        ];
        match refusals.into_iter().find(|(refused, ..)| *refused) {
            Some((_, what, hint)) => {
                Err(CliError::Usage { what: what.to_owned(), hint: hint.to_owned() }.into())
            }
            None => Ok(()),
        }
    }

    /// With a target, what its definitions would not take is found too.
    fn assess(&self, mesh: &Mesh, intent: &Intent) -> Result<Assessment, Failure> {
        let Some(target) = &intent.target else {
            return match self.upgrade.manifest {
                Some(_) => Err(CliError::NoTarget.into()),
                None => Ok(assess(mesh, intent, None)),
            };
        };
        let manifest = self.upgrade.manifest(target, mesh)?;
        if let Some(other) = manifest.as_ref().filter(|manifest| manifest.version != *target) {
            let (found, target) = (other.version.clone(), target.clone());
            return Err(PlanError::ManifestVersion { found, target }.into());
        }
        Ok(assess_against(mesh, intent, target, manifest.as_ref().map(|manifest| &manifest.schemas)))
    }

    fn selects(&self, finding: &Finding) -> bool {
        let named = |selections: &[Selection]| selections.iter().any(|one| one.holds(&finding.code));
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

impl FailOn {
    /// Severity from which on a finding fails, judged or not.
    fn least(self) -> Option<Severity> {
        match self {
            Self::Block => Some(Severity::Block),
            Self::Warn => Some(Severity::Warn),
            Self::Info => Some(Severity::Info),
            Self::Never => None,
        }
    }
}

impl GroupBy {
    fn of<'a>(&'a self, mesh: &'a Mesh) -> Group<'a> {
        match self {
            Self::Consequence => Group::Consequence,
            Self::Namespace => Group::Namespace,
            Self::Layer => Group::Layer,
            Self::Label(key) => Group::Label { mesh, key },
        }
    }
}

/// Writes each patch whole, and prints their paths.
fn write_patches(args: &CheckArgs, patches: &[Patch], console: &Console) -> Result<(), Failure> {
    // The command line demands it with this form.
    let Some(folder) = &args.out else { return Ok(()) };
    let mut written = String::new();
    for patch in patches {
        let path = folder.join(&patch.path);
        if let Some(parent) = path.parent() {
            files::create_folder(parent)?;
        }
        files::write(&path, &patch.text)?;
        written.push_str(&format!("{}\n", path.display()));
    }
    if patches.is_empty() {
        console.say("no finding that is shown can be taken away by a patch\n");
    }
    console.print(&written)
}

fn baseline(path: &Path) -> Result<Baseline, Failure> {
    Baseline::parse(&files::read(path)?).map_err(|error| Failure::from(error).in_file(path))
}

/// Takes what is accepted out, and says on stderr what of the file does not hold any more.
fn apply(baseline: &Baseline, assessment: &mut Assessment, console: &Console) {
    let sorted = baseline.sort(std::mem::take(&mut assessment.findings), today());
    assessment.findings = sorted.open;
    for one in &sorted.ended {
        console.say(&format!(
            "baseline: {} was accepted by {} until {}: it counts again\n",
            one.key(),
            one.owner,
            one.until
        ));
    }
    for one in &sorted.idle {
        console.say(&format!("baseline: {} is not found any more: take the entry out\n", one.key()));
    }
    if !sorted.accepted.is_empty() {
        console.say(&format!("baseline: {} accepted findings are not shown\n", sorted.accepted.len()));
    }
}
