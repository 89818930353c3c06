//! stdout for results, stderr for talk; colour only where a person looks.

use std::io::{ErrorKind, IsTerminal, Write};

use meshlift_report::text::Style;

use crate::failure::{CliError, Failure};

/// What is known of stdout and stderr.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// Style of results.
    pub(crate) stdout: Style,
    /// Style of talk.
    pub(crate) stderr: Style,
    /// True if a person watches stderr: then progress may move.
    pub(crate) watched: bool,
}

impl Console {
    /// Looks at the streams and at `NO_COLOR` and `TERM`.
    pub(crate) fn detect() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let coloured = !set("NO_COLOR") && !dumb;
        let style = |terminal: bool| if terminal && coloured { Style::Coloured } else { Style::Plain };
        let watched = std::io::stderr().is_terminal();
        Self {
            stdout: style(std::io::stdout().is_terminal()),
            stderr: style(watched),
            watched: watched && !dumb,
        }
    }

    /// Writes a result. A reader that went away has what it wanted: no error.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Stdout(error).into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes JSON as a result.
    pub(crate) fn print_json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(value).map_err(CliError::Json)?;
        text.push('\n');
        self.print(&text)
    }

    /// Writes YAML as a result.
    pub(crate) fn print_yaml(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_saphyr::to_string(value).map_err(|error| CliError::Yaml(error.to_string()))?;
        self.print(&text)
    }

    /// Writes talk. If nobody listens, nothing is lost.
    pub(crate) fn say(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
