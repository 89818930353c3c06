//! The command line: reads arguments and files, calls the rooms, prints what they say. No logic of its own.
//!
//! stdout carries results, stderr everything else. Exit codes: 0 good or done, 1 the mesh or a gate says no,
//! 2 it could not be carried out.

mod args;
mod clock;
mod commands;
mod console;
mod failure;
mod files;
mod live;
mod mesh;
mod progress;
mod runs;
mod selection;
mod upgrade;
mod wish;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Verb};
use console::Console;
use failure::Failure;

/// How a verb ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All good, or done.
    Good,
    /// The mesh, a check or a gate says no.
    No,
}

/// Runs the verb that the arguments name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let console = Console::detect();
    match parse(&arguments).and_then(|cli| dispatch(cli, &console)) {
        Ok(Exit::Good) => ExitCode::SUCCESS,
        Ok(Exit::No) => ExitCode::from(1),
        Err(failure) => match failure.for_people(&console) {
            Ok(text) => {
                console.say(&text);
                ExitCode::from(2)
            }
            // Help and version are asked for: results, not errors.
            Err(text) => {
                let _ = console.print(&text);
                ExitCode::SUCCESS
            }
        },
    }
}

/// The command line's grammar, for completion and for tests of documentation.
#[must_use]
pub fn grammar() -> clap::Command {
    Cli::command()
}

fn parse(arguments: &[OsString]) -> Result<Cli, Failure> {
    let mut grammar = grammar();
    let called = arguments.first().map(Path::new).and_then(Path::file_stem).unwrap_or_default();
    if called.to_string_lossy().starts_with("kubectl-") {
        grammar = grammar.bin_name("kubectl meshlift");
    }
    let matches = grammar.try_get_matches_from(arguments)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

fn dispatch(cli: Cli, console: &Console) -> Result<Exit, Failure> {
    match cli.verb {
        Verb::Snapshot(args) => commands::snapshot::run(&args, console),
        Verb::Inspect(args) => commands::inspect::run(&args, console),
        Verb::Check(args) => commands::check::run(&args, console),
        Verb::Versions(args) => commands::versions::run(&args, console),
        Verb::Plan(args) => commands::plan::run(&args, console),
        Verb::Rehearse(args) => commands::rehearse::run(&args, console),
        Verb::Apply(args) => commands::apply::run(&args, console),
        Verb::Status(args) => commands::status::run(&args, console),
        Verb::Pause(args) => commands::steer::pause(&args, console),
        Verb::Resume(args) => commands::steer::resume(&args, console),
        Verb::Approve(args) => commands::steer::approve(&args, console),
        Verb::Abort(args) => commands::steer::abort(&args, console),
        Verb::Rollback(args) => commands::steer::rollback(&args, console),
        Verb::Cleanup(args) => commands::cleanup::run(&args, console),
        Verb::Explain(args) => commands::explain::run(&args, console),
        Verb::Completions(args) => commands::completions::run(&args, console),
    }
}
