//! Tools for people who work on meshlift. Nothing here is part of the binary.

pub mod bench;
pub mod cluster;
pub mod fixtures;
pub mod lint;

use std::path::{Path, PathBuf};

/// A verb: its name, what it does, and the function that does it with the remaining arguments.
///
/// The function returns what to print, or why it failed.
pub type Verb = (&'static str, &'static str, fn(&[String]) -> Result<String, String>);

/// All verbs.
pub const VERBS: &[Verb] = &[
    ("bench", "[--live] [--pods N]: time and peak memory on a synthetic mesh", bench::verb),
    (
        "cluster",
        "up|down|status [NAME]: a real control plane by hand; test [--kubernetes VERSION]: all tests on one",
        cluster::verb,
    ),
    (
        "fixtures",
        "--from DIR: makes fixtures/ from recordings in DIR/clusters and DIR/golden",
        fixtures::verb,
    ),
    ("lint", "sizes, arrows between rooms, codes against docs", lint_verb),
];

/// Runs one verb.
///
/// # Errors
/// Where the verb is not known or failed; the text is for people.
pub fn run(arguments: &[String]) -> Result<String, String> {
    let (name, rest) = arguments.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
    match VERBS.iter().find(|(verb, _, _)| *verb == name) {
        Some((_, _, function)) => function(rest),
        None => {
            let lines: Vec<String> =
                VERBS.iter().map(|(verb, what, _)| format!("  {verb:<10}{what}")).collect();
            Err(format!("usage: cargo xtask VERB\n{}", lines.join("\n")))
        }
    }
}

/// Root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn lint_verb(_: &[String]) -> Result<String, String> {
    let problems = lint::all(&root())?;
    if problems.is_empty() { Ok("lint: clean".to_owned()) } else { Err(problems.join("\n")) }
}
