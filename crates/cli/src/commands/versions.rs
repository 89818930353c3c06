//! `meshlift versions [MESH] --to VERSION`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::upgrade_path::{self, Part};
use meshlift_planner::versions::{Day, OLD_AFTER_DAYS, Releases, Situation, path};
use meshlift_report::versions::{screen, versions_json};

use crate::args::{Format, MeshArgs};
use crate::clock::today;
use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::wish::WishArgs;
use crate::{Exit, files, mesh};

/// Arguments of `versions`.
#[derive(Debug, Args)]
pub(crate) struct VersionsArgs {
    #[command(flatten)]
    mesh: MeshArgs,
    #[command(flatten)]
    wish: WishArgs,
    /// Releases, support and regressions, in place of those that are built in
    #[arg(long, value_name = "FILE", help_heading = "Upgrade")]
    catalogue: Option<PathBuf>,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) fn run(args: &VersionsArgs, console: &Console) -> Result<Exit, Failure> {
    let (intent, target) = args.wish.upgrade(&args.mesh)?;
    let today = today();
    let releases = match &args.catalogue {
        Some(file) => given(file, today)?,
        None => Releases::built_in()?,
    };
    if let Some(age) = releases.date.parse::<Day>().ok().map(|made| today.days_since(made))
        && age > OLD_AFTER_DAYS
    {
        console.say(&format!(
            "warning: what is known of releases is of {}, {age} days ago: newer patches and regressions are missing; \
             give a newer file with --catalogue\n",
            releases.date
        ));
    }
    let mesh = Mesh::derive(Arc::new(mesh::read(&args.mesh, console)?));
    let found = path(&Situation::of(&mesh), &target, &releases, today).ok_or(CliError::NothingRuns)?;
    match args.output {
        Format::Json => console.print_json(&versions_json(&found, &releases.date))?,
        Format::Table => {
            let next = next(args, &intent, &found);
            console.print(&screen(&found, &releases.date, &next, console.stdout))?;
        }
    }
    Ok(if found.blocked.is_empty() { Exit::Good } else { Exit::No })
}

/// A catalogue that a person gave.
fn given(file: &Path, today: Day) -> Result<Releases, Failure> {
    let releases = Releases::parse(&files::read(file)?).and_then(|releases| {
        releases.not_of_the_future(today)?;
        Ok(releases)
    });
    releases.map_err(|error| Failure::from(error).in_file(file))
}

/// The command that comes next: check of the first hop, as what is further away cannot be gone to from here.
fn next(args: &VersionsArgs, intent: &Intent, found: &upgrade_path::Path) -> String {
    let mesh = args.mesh.flags();
    match found.hops.iter().find(|hop| hop.what == Part::Istio) {
        Some(first) if first.to != found.to.to_string() => {
            format!("meshlift check{mesh}{}", args.wish.flags_to(&first.to))
        }
        None if !found.blocked.is_empty() => {
            format!("meshlift versions{mesh}{}", args.wish.flags_to("VERSION"))
        }
        _ => format!("meshlift check{mesh}{}", args.wish.flags(intent)),
    }
}
