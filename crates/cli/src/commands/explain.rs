//! `meshlift explain CODE`.

use clap::Args;
use meshlift_checks::catalogue;
use meshlift_report::text::hang_at;

use crate::Exit;
use crate::console::Console;
use crate::failure::{CliError, Failure};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Code, such as ML1001; without it, all codes are listed
    code: Option<String>,
}

pub(crate) fn run(args: &ExplainArgs, console: &Console) -> Result<Exit, Failure> {
    let text = match &args.code {
        Some(code) => catalogue::explain(code).ok_or_else(|| CliError::UnknownCode(code.clone()))?,
        None => catalogue::titles().map(|(code, title)| format!("{code}  {title}\n")).collect(),
    };
    console.print(&wrapped(&text))?;
    Ok(Exit::Good)
}

/// Long lines wrapped to the screen, below their own start. What is to be pasted stays whole.
fn wrapped(text: &str) -> String {
    let wrap = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        if line.trim().is_empty() || line.trim_start().starts_with("- {") {
            format!("{line}\n")
        } else {
            hang_at(&" ".repeat(indent), indent, line)
        }
    };
    text.lines().map(wrap).collect()
}
