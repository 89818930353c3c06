//! Clusters that outlive the command that asked for them: a background process holds each.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cluster::{Cluster, Options};
use crate::error::ClusterError;
use crate::parts::target_folder;

/// Time that building the parts and bringing a cluster up may take.
const UP_SECONDS_MAX: u64 = 3600;
/// Time that a cluster may take to go.
const DOWN_SECONDS_MAX: u64 = 15;
const LOOK: Duration = Duration::from_millis(100);

/// A held cluster, as its file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Process that holds it.
    pub pid: u32,
    /// Kubeconfig with all rights.
    pub kubeconfig: PathBuf,
}

/// Holds a cluster until this process is ended: its file is written when it is up.
///
/// # Errors
/// Where it does not come up.
pub fn hold(name: &str, options: Options) -> Result<(), ClusterError> {
    let runtime = tokio::runtime::Runtime::new().map_err(ClusterError::file("tokio"))?;
    let cluster = runtime.block_on(Cluster::up(options))?;
    let held = Held { pid: std::process::id(), kubeconfig: cluster.kubeconfig() };
    let path = file(name);
    let text = serde_json::to_string(&held).unwrap_or_default();
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, text).map_err(ClusterError::file(&unfinished))?;
    fs::rename(&unfinished, &path).map_err(ClusterError::file(&path))?;
    loop {
        std::thread::park();
    }
}

/// Starts a process that holds a cluster, and waits until it is up.
///
/// # Errors
/// Where one of that name is up already, or it does not come up.
pub fn up(name: &str, nodes: usize) -> Result<Held, ClusterError> {
    if let Some(held) = status(name) {
        let said = format!("cluster `{name}` is up already, held by process {}", held.pid);
        return Err(ClusterError::Failed { command: "up".to_owned(), said });
    }
    let path = file(name);
    let log = path.with_extension("log");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(ClusterError::file(folder))?;
    }
    let out = File::create(&log).map_err(ClusterError::file(&log))?;
    let exe = std::env::current_exe().map_err(ClusterError::file("this program"))?;
    let hint = "is this program still where it was?";
    let mut child = Command::new(exe)
        .args(["hold", name, &nodes.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(out)
        // Ctrl-C in this terminal is not meant for it.
        .process_group(0)
        .spawn()
        .map_err(|source| ClusterError::Start { command: "hold".to_owned(), hint, source })?;
    let deadline = Instant::now() + Duration::from_secs(UP_SECONDS_MAX);
    loop {
        if let Some(held) = status(name) {
            return Ok(held);
        }
        if child.try_wait().ok().flatten().is_some() || Instant::now() >= deadline {
            let _ = child.kill();
            let said = fs::read_to_string(&log).unwrap_or_default().trim().to_owned();
            return Err(ClusterError::Failed { command: "up".to_owned(), said });
        }
        sleep(LOOK);
    }
}

/// The cluster of that name, if it is up.
#[must_use]
pub fn status(name: &str) -> Option<Held> {
    let held: Held = serde_json::from_str(&fs::read_to_string(file(name)).ok()?).ok()?;
    holds(&held, name).then_some(held)
}

/// True if the process is ours still: numbers of processes are used again.
fn holds(held: &Held, name: &str) -> bool {
    let command = fs::read(format!("/proc/{}/cmdline", held.pid)).unwrap_or_default();
    let arguments: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    arguments.get(1) == Some(&b"hold".as_slice()) && arguments.get(2) == Some(&name.as_bytes())
}

/// Ends the cluster of that name: true if there was one.
///
/// # Errors
/// Where its process cannot be ended.
pub fn down(name: &str) -> Result<bool, ClusterError> {
    let path = file(name);
    let Some(held) = status(name) else {
        let _ = fs::remove_file(&path);
        return Ok(false);
    };
    let hint = "install procps";
    let failed = |source| ClusterError::Start { command: "kill".to_owned(), hint, source };
    Command::new("kill").args(["-KILL", &held.pid.to_string()]).status().map_err(failed)?;
    let deadline = Instant::now() + Duration::from_secs(DOWN_SECONDS_MAX);
    while holds(&held, name) && Instant::now() < deadline {
        sleep(LOOK);
    }
    // Killed, it could not clean up after itself.
    if let Some(folder) = held.kubeconfig.parent() {
        let _ = fs::remove_dir_all(folder);
    }
    fs::remove_file(&path).map_err(ClusterError::file(&path))?;
    Ok(true)
}

fn file(name: &str) -> PathBuf {
    target_folder()
        .join("clusters")
        .join(Path::new(name).file_name().unwrap_or_default())
        .with_extension("json")
}
