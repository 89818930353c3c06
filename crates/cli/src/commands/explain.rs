//! `meshlift explain CODE`.

use clap::Args;

use crate::Exit;
use crate::console::Console;
use crate::failure::{CliError, Failure};

/// What is written of errors; also a page of the documentation.
const ERRORS: &str = include_str!("../../../../docs/reference/errors.md");

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Code, such as ML9001; without it, all codes are listed
    code: Option<String>,
}

pub(crate) fn run(args: &ExplainArgs, console: &Console) -> Result<Exit, Failure> {
    let Some(code) = &args.code else {
        let _ = console;
        return Ok(Exit::Good);
    };
    let code = code.to_ascii_uppercase();
    let text = section(ERRORS, &code).ok_or(CliError::UnknownCode(code))?;
    console.print(&text)?;
    Ok(Exit::Good)
}

/// The section of a page whose heading starts with the code.
fn section(page: &str, code: &str) -> Option<String> {
    let mut lines = page.lines().skip_while(|line| {
        line.strip_prefix("## ").and_then(|heading| heading.split_whitespace().next()) != Some(code)
    });
    let heading = lines.next()?.trim_start_matches("## ");
    let body: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    Some(format!("{heading}\n\n{}\n", body.join("\n").trim()))
}
