//! Time and memory of a program.

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Time between two looks at the program's memory: small against its run time, and cheap.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One run of a program.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// From its start to its end.
    pub time: Duration,
    /// `VmHWM`: the most resident memory, as last seen; 0 where the system does not tell.
    pub peak_kilobytes: u64,
    /// Its exit code; -1 where a signal ended it.
    pub exit: i32,
}

/// Runs a program to its end.
///
/// # Errors
/// Where it cannot be started or awaited.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time, and looks at a running child")]
pub fn measure(command: &mut Command) -> io::Result<Measured> {
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut peak_kilobytes = 0;
    loop {
        peak_kilobytes = peak(&child).unwrap_or(0).max(peak_kilobytes);
        if let Some(status) = child.try_wait()? {
            return Ok(Measured { time: start.elapsed(), peak_kilobytes, exit: status.code().unwrap_or(-1) });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
