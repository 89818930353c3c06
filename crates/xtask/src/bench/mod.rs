//! Time and peak memory of `check` and `rehearse` on a synthetic mesh. A report; nothing asserts times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use meshlift_testkit::{enlarge, measure};

/// Pods of the synthetic mesh at least, where `--pods` gives no other number.
const PODS: usize = 1000;

/// Pods of the live mesh, where `--pods` gives no other number.
const LIVE_PODS: usize = 5000;

/// Pods of the meshes that show how `check` grows.
const SCALE: [usize; 3] = [1_000, 10_000, 100_000];

/// `bench [--live | --scale] [--pods N]`.
///
/// # Errors
/// Where the binary cannot be built or run.
pub fn verb(arguments: &[String]) -> Result<String, String> {
    if arguments == ["--scale"] {
        return of_scale();
    }
    let (live, rest) = match arguments.split_first() {
        Some((flag, rest)) if flag == "--live" => (true, rest),
        _ => (false, arguments),
    };
    let pods = match rest {
        [] if live => LIVE_PODS,
        [] => PODS,
        [flag, number] if flag == "--pods" => {
            number.parse().map_err(|_| format!("--pods {number}: no number"))?
        }
        _ => return Err("usage: cargo xtask bench [--live] [--pods N] | bench --scale".to_owned()),
    };
    if live { on_a_cluster(pods) } else { of_snapshots(pods) }
}

/// `check` beside curl on a real control plane: `crates/cli/benches/live.rs`.
fn on_a_cluster(pods: usize) -> Result<String, String> {
    cargo(&["build", "--release", "--package", "meshlift-cluster", "--package", "meshlift-istiod-standin"])?;
    cargo(&["bench", "--package", "meshlift-cli", "--bench", "live", "--", &pods.to_string()])?;
    Ok(String::new())
}

fn of_snapshots(pods: usize) -> Result<String, String> {
    let binary = build()?;
    let folder = binary.parent().unwrap_or(Path::new(".")).to_owned();
    let snapshot = folder.join("bench.meshlift");
    let real = meshlift_snapshot::demo().map_err(|error| error.to_string())?;
    let copies = pods.saturating_sub(1) / real.objects.pods.len().max(1);
    let large = enlarge(&real, copies);
    meshlift_snapshot::write_file(&large, &snapshot).map_err(|error| error.to_string())?;
    let mesh = snapshot.display().to_string();
    let mut text = format!("synthetic mesh: {} pods\n", large.objects.pods.len());
    let runs: [(&str, Vec<&str>); 4] = [
        ("check, recorded mesh", vec!["check", "--demo"]),
        ("rehearse, recorded mesh", vec!["rehearse", "--demo", "--no-report"]),
        ("check, synthetic mesh", vec!["check", "--snapshot", &mesh, "--to", "1.30.3"]),
        ("rehearse, synthetic mesh", vec!["rehearse", "--snapshot", &mesh, "--to", "1.30.3", "--no-report"]),
    ];
    for (name, arguments) in runs {
        let mut command = Command::new(&binary);
        command.args(&arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let run = measure(&mut command).map_err(|error| format!("{}: {error}", binary.display()))?;
        let seconds = run.time.as_secs_f64();
        text.push_str(&format!(
            "{name:<26}{seconds:>8.2} s{:>8} MB  exit {}\n",
            run.peak_kilobytes / 1024,
            run.exit
        ));
    }
    let _ = fs::remove_file(&snapshot);
    Ok(text)
}

/// `check` of meshes that differ in size alone.
fn of_scale() -> Result<String, String> {
    let binary = build()?;
    let folder = binary.parent().unwrap_or(Path::new(".")).to_owned();
    let snapshot = folder.join("bench.meshlift");
    let real = meshlift_snapshot::demo().map_err(|error| error.to_string())?;
    let mut text = String::new();
    let mut before: Option<(usize, f64)> = None;
    for pods in SCALE {
        let large = enlarge(&real, pods.saturating_sub(1) / real.objects.pods.len().max(1));
        meshlift_snapshot::write_file(&large, &snapshot).map_err(|error| error.to_string())?;
        let mesh = snapshot.display().to_string();
        let mut command = Command::new(&binary);
        command.args(["check", "--snapshot", &mesh, "--to", "1.30.3", "-o", "summary"]);
        let run = measure(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let run = run.map_err(|error| format!("{}: {error}", binary.display()))?;
        let (count, cpu) = (large.objects.pods.len(), run.cpu.as_secs_f64());
        let growth = before.map_or(String::new(), |(fewer, less)| {
            format!("  {:.1} times the pods, {:.1} times the CPU", ratio(count, fewer), cpu / less.max(0.01))
        });
        let megabytes = run.peak_kilobytes / 1024;
        text.push_str(&format!(
            "check, {count:>7} pods {cpu:>7.2} s CPU {megabytes:>5} MB  exit {}{growth}\n",
            run.exit
        ));
        before = Some((count, cpu));
    }
    let _ = fs::remove_file(&snapshot);
    Ok(text)
}

#[expect(clippy::cast_precision_loss, reason = "counts of pods")]
fn ratio(more: usize, fewer: usize) -> f64 {
    more as f64 / fewer.max(1) as f64
}

/// Runs cargo in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Result<(), String> {
    cargo_with(arguments, &[])
}

/// The same with environment variables.
pub(crate) fn cargo_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(&cargo)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(crate::root())
        .status()
        .map_err(|error| format!("cargo {}: {error}", arguments.join(" ")))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}

fn build() -> Result<PathBuf, String> {
    cargo(&["build", "--release", "--package", "meshlift-cli"])?;
    let target = crate::lint::arrows::metadata(&crate::root())?;
    let target = target["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(Path::new(target).join("release").join("meshlift"))
}
