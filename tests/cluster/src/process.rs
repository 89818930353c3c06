//! One part: a process with a log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::ClusterError;

/// Between two looks at something that comes up.
const LOOK: Duration = Duration::from_millis(25);
/// Lines of a log that an error shows.
const LOG_LINES: usize = 15;

/// A running part.
pub(crate) struct Part {
    name: &'static str,
    log: PathBuf,
    binary: PathBuf,
    arguments: Vec<String>,
    child: Child,
}

impl Part {
    /// Starts it; what it says goes to `NAME.log` in the folder.
    pub(crate) fn start(
        folder: &Path,
        name: &'static str,
        binary: &Path,
        arguments: &[String],
    ) -> Result<Self, ClusterError> {
        let log = folder.join(format!("{name}.log"));
        let child = spawn(&log, binary, arguments)?;
        Ok(Self { name, log, binary: binary.to_owned(), arguments: arguments.to_vec(), child })
    }

    /// Name of its binary.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Kills it, as a crash does.
    pub(crate) fn kill(&mut self) -> Result<(), ClusterError> {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.map(drop).map_err(ClusterError::file(self.name))
    }

    /// Starts it anew after [`Part::kill`], with an empty log.
    pub(crate) fn revive(&mut self) -> Result<(), ClusterError> {
        self.child = spawn(&self.log, &self.binary, &self.arguments)?;
        Ok(())
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) -> Result<(), ClusterError> {
        let arguments = [format!("-{signal}"), self.child.id().to_string()];
        let failed =
            |source| ClusterError::Start { command: "kill".to_owned(), hint: "install procps", source };
        Command::new("kill").args(arguments).status().map(drop).map_err(failed)
    }

    /// Waits until `ready` says so.
    pub(crate) fn wait(&mut self, seconds: u64, ready: impl Fn() -> bool) -> Result<(), ClusterError> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !ready() {
            let ended = self.child.try_wait().ok().flatten().is_some();
            if ended || Instant::now() >= deadline {
                let why = if ended { "ended".to_owned() } else { format!("is not ready after {seconds} s") };
                return Err(ClusterError::NotReady {
                    part: self.name.to_owned(),
                    why,
                    log: last_lines(&self.log),
                });
            }
            sleep(LOOK);
        }
        Ok(())
    }
}

fn spawn(log: &Path, binary: &Path, arguments: &[String]) -> Result<Child, ClusterError> {
    let out = File::create(log).map_err(ClusterError::file(log))?;
    let err = out.try_clone().map_err(ClusterError::file(log))?;
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err);
    if let Some(folder) = log.parent() {
        command.current_dir(folder);
    }
    command.spawn().map_err(|source| ClusterError::Start {
        command: binary.display().to_string(),
        hint: "was the build of the parts interrupted? remove its folder",
        source,
    })
}

/// The end of a log.
pub(crate) fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
