//! Time and peak memory of `check` and `rehearse` on a synthetic mesh. A report; nothing asserts times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use meshlift_testkit::{Measured, enlarge, measure};

/// Pods of the synthetic mesh at least, where `--pods` gives no other number.
const PODS: usize = 1000;

/// Pods of the live mesh, where `--pods` gives no other number.
const LIVE_PODS: usize = 5000;

/// Pods of the meshes that show how `check` grows.
const SCALE: [usize; 3] = [1_000, 10_000, 100_000];

/// Runs of each of them.
const RUNS: usize = 5;

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

/// `check` of meshes that differ in size alone. A machine's speed moves: one run says little.
fn of_scale() -> Result<String, String> {
    let binary = build()?;
    let folder = binary.parent().unwrap_or(Path::new(".")).to_owned();
    let snapshot = folder.join("bench.meshlift");
    let real = meshlift_snapshot::demo().map_err(|error| error.to_string())?;
    let mut text = format!("{RUNS} runs each; CPU in seconds: least, middle, most\n");
    let mut before: Option<(usize, f64)> = None;
    for pods in SCALE {
        let large = enlarge(&real, pods.saturating_sub(1) / real.objects.pods.len().max(1));
        meshlift_snapshot::write_file(&large, &snapshot).map_err(|error| error.to_string())?;
        let runs: Vec<Measured> = (0..RUNS).map(|_| check(&binary, &snapshot)).collect::<Result<_, _>>()?;
        let mut cpu: Vec<f64> = runs.iter().map(|run| run.cpu.as_secs_f64()).collect();
        cpu.sort_by(f64::total_cmp);
        let (count, middle) = (large.objects.pods.len(), cpu[RUNS / 2]);
        let growth = before.map_or(String::new(), |(fewer, less)| {
            let (pods, cpu) = (ratio(count, fewer), middle / less.max(0.01));
            format!("  {pods:.1} times the pods, {cpu:.1} times the CPU")
        });
        let megabytes = runs.iter().map(|run| run.peak_kilobytes / 1024).max().unwrap_or(0);
        let (least, most) = (cpu[0], cpu[RUNS - 1]);
        text.push_str(&format!(
            "check, {count:>6} pods {least:>6.2} {middle:>6.2} {most:>6.2} {megabytes:>5} MB{growth}\n"
        ));
        before = Some((count, middle));
    }
    let _ = fs::remove_file(&snapshot);
    Ok(text)
}

fn check(binary: &Path, snapshot: &Path) -> Result<Measured, String> {
    let mut command = Command::new(binary);
    command.args(["check", "--to", "1.30.3", "-o", "summary", "--snapshot"]).arg(snapshot);
    let run = measure(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let run = run.map_err(|error| format!("{}: {error}", binary.display()))?;
    // The recorded mesh has hazards: what found none, or failed, is no run of the check.
    if run.exit == 1 {
        Ok(run)
    } else {
        Err(format!("check of {} ended with {}", snapshot.display(), run.exit))
    }
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
