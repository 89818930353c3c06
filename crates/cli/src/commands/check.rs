//! `meshlift check [MESH] [--to VERSION]`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use meshlift_checks::catalogue::hazards;
use meshlift_checks::{Assessment, assess, assess_against};
use meshlift_mesh::Mesh;
use meshlift_model::finding::{Finding, Severity};
use meshlift_model::intent::Intent;
use meshlift_planner::PlanError;
use meshlift_planner::baseline::{Accepted, Baseline, Sorted};
use meshlift_report::check::{self, Acceptance, Group, Results};
use meshlift_report::patches::{self, Patches};
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
    /// Findings that make the exit code 1; one that is unknown counts with the severity that it has
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    /// Only these checks: codes or layers, by commas
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    only: Vec<Selection>,
    /// All but these checks: codes or layers, by commas
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    skip: Vec<Selection>,
    /// Findings that somebody has accepted: counted apart, and no reason to fail, until their day
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
    /// For a ticket: counts, and a table with what to do
    Markdown,
    /// A page that needs nothing but itself
    Html,
    /// SARIF 2.1.0, for whatever gathers results of analyses
    Sarif,
    /// XML for whatever shows results of tests
    Junit,
    /// Files for Git: what takes findings away that a patch can take away, and an index of all
    Patch,
}

pub(crate) fn run(args: &CheckArgs, console: &Console) -> Result<Exit, Failure> {
    let UpgradeArgs { mesh, wish, .. } = &args.upgrade;
    args.refuse_what_has_no_effect()?;
    let intent = wish.intent(mesh)?;
    let baseline = args.baseline.as_deref().map(baseline).transpose()?.unwrap_or_default();
    let mesh = Mesh::derive(Arc::new(mesh::read(mesh, console)?));
    let assessment = args.assess(&mesh, &intent)?;
    // All findings are held against the baseline, whatever is asked for: an entry of another check is not gone.
    let Sorted { mut open, mut accepted, ended, idle } = baseline.sort(&assessment, today());
    open.retain(|finding| args.selects(&finding.code));
    accepted.retain(|(finding, _)| args.selects(&finding.code));
    let ended = ended.into_iter().filter(|one| args.selects(&one.code));
    say_what_does_not_hold(ended, &idle, accepted.len(), console);
    let fails = |finding: &&Finding| args.fail_on.least().is_some_and(|least| finding.severity >= least);
    let exit = if open.iter().any(fails) { Exit::No } else { Exit::Good };
    open.retain(|finding| args.shows(finding));
    accepted.retain(|(finding, _)| args.shows(finding));
    let codes = || hazards().map(|hazard| hazard.code);
    let results = Results {
        mesh: &mesh,
        assessment: &assessment,
        target: intent.target.as_ref(),
        findings: open,
        accepted: accepted.into_iter().map(acceptance).collect(),
        codes: codes().filter(|code| args.selects(code)).collect(),
        named: codes().filter(|code| args.only.iter().any(|one| one.is_code(code))).collect(),
        next: &format!("meshlift plan{}", args.upgrade.flags(&intent)),
    };
    args.print(&results, console)?;
    // The process ends: taking a large mesh apart, object by object, takes longer than judging it.
    std::mem::forget((assessment, mesh));
    Ok(exit)
}

fn acceptance<'a>((finding, entry): (&'a Finding, &'a Accepted)) -> Acceptance<'a> {
    Acceptance { finding, owner: &entry.owner, until: &entry.until, reason: &entry.reason }
}

impl CheckArgs {
    fn print(&self, results: &Results<'_>, console: &Console) -> Result<(), Failure> {
        match self.output {
            Format::Json => console.print_json(&check::check_json(results)),
            Format::Yaml => console.print_yaml(&check::check_json(results)),
            Format::Markdown => console.print(&check::markdown(results)),
            Format::Html => console.print(&check::html(results)),
            Format::Sarif => console.print_json(&sarif::sarif(results, env!("CARGO_PKG_VERSION"))),
            Format::Junit => console.print(&junit::junit(results, self.fail_on.least())),
            Format::Patch => {
                let Results { mesh, assessment, findings, .. } = results;
                write_patches(self, &patches::patches(mesh, assessment, findings), console)
            }
            Format::Summary => console.print(&check::by_check(results, console.stdout)),
            Format::Table => {
                let group = self.group_by.as_ref().unwrap_or(&GroupBy::Consequence).group();
                console.print(&check::screen(results, group, console.stdout))
            }
        }
    }

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

    fn shows(&self, finding: &Finding) -> bool {
        let least = match self.severity {
            Least::Block => Severity::Block,
            Least::Warn => Severity::Warn,
            Least::Info => Severity::Info,
        };
        finding.severity >= least
    }

    fn selects(&self, code: &str) -> bool {
        let named = |selections: &[Selection]| selections.iter().any(|one| one.holds(code));
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
    fn group(&self) -> Group<'_> {
        match self {
            Self::Consequence => Group::Consequence,
            Self::Namespace => Group::Namespace,
            Self::Layer => Group::Layer,
            Self::Label(key) => Group::Label(key),
        }
    }
}

/// Writes each patch and the index whole, and prints their paths.
fn write_patches(args: &CheckArgs, patches: &Patches, console: &Console) -> Result<(), Failure> {
    // The command line demands it with this form.
    let Some(folder) = &args.out else { return Ok(()) };
    let mut written = BTreeSet::new();
    for patch in patches.files.iter().chain([&patches.index]) {
        let path = folder.join(&patch.path);
        if let Some(parent) = path.parent() {
            files::create_folder(parent)?;
        }
        files::write(&path, &patch.text)?;
        written.insert(path);
    }
    if patches.files.is_empty() {
        console.say("no finding that is shown can be taken away by a patch\n");
    }
    for path in files::yaml_below(folder).filter(|path| {
        !written.contains(path) && files::read(path).is_ok_and(|text| patches::is_patch(&text))
    }) {
        let path = path.display();
        console.say(&format!("{path} is of an earlier run: no finding that is shown asks for it\n"));
    }
    console.print(&written.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
}

fn baseline(path: &Path) -> Result<Baseline, Failure> {
    Baseline::parse(&files::read(path)?).map_err(|error| Failure::from(error).in_file(path))
}

/// Says on stderr what of a baseline does not hold any more, and how many findings it keeps from being shown.
fn say_what_does_not_hold<'a>(
    ended: impl Iterator<Item = &'a Accepted>,
    idle: &[&Accepted],
    accepted: usize,
    console: &Console,
) {
    for one in ended {
        console.say(&format!(
            "baseline: {} was accepted by {} until {}: it counts again\n",
            one.key(),
            one.owner,
            one.until
        ));
    }
    for one in idle {
        console.say(&format!("baseline: {} is not found any more: take the entry out\n", one.key()));
    }
    if accepted > 0 {
        console.say(&format!("baseline: {accepted} accepted findings are not shown\n"));
    }
}
