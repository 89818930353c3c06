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
    /// CPU time of all its threads, as last seen; zero where the system does not tell.
    pub cpu: Duration,
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
    let (mut peak_kilobytes, mut cpu) = (0, Duration::ZERO);
    loop {
        peak_kilobytes = peak(&child).unwrap_or(0).max(peak_kilobytes);
        cpu = cpu_of(&child).unwrap_or_default().max(cpu);
        if let Some(status) = child.try_wait()? {
            let exit = status.code().unwrap_or(-1);
            return Ok(Measured { time: start.elapsed(), cpu, peak_kilobytes, exit });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `utime` and `stime` of `/proc/PID/stat`: the 14th and 15th field, in hundredths of a second on every Linux that there is.
fn cpu_of(child: &Child) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    // The name of the program may hold anything, blanks and brackets too.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
