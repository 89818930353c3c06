//! `meshlift completions SHELL`.

use clap::Args;
use clap_complete::Shell;

use crate::console::Console;
use crate::failure::Failure;
use crate::{Exit, grammar};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to complete in
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut grammar(), "meshlift", &mut script);
    console.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Good)
}
