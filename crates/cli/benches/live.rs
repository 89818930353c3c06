//! `check` of a live mesh beside curl: `cargo xtask bench --live [--pods N]`. A report; nothing asserts times.
//!
//! A real control plane and stand-in istiods hold a recorded mesh several times over. What `check` lists is read from
//! the API server's audit log; curl then gets the same lists as JSON, whole, one after another, 500 objects a page; and,
//! for a second ratio, the pods alone.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures time, prints a report, and ends where it cannot go on"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use meshlift_cluster::{Cluster, Options};
use meshlift_istiod_standin::Standin;
use meshlift_testkit::{Measured, enlarge, measure};
use serde_json::Value;

const PODS: usize = 5000;
/// Pods of a node, with room to spare.
const PODS_OF_A_NODE: usize = 400;
const ROUNDS: usize = 5;
/// Longest that the mesh takes to come up.
const UP: Duration = Duration::from_secs(1200);
/// What would hold pods back that are to run here.
const WITHOUT: [&str; 1] = ["resourcequotas"];

fn main() {
    let pods = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(PODS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (cluster, standin, injected) = runtime.block_on(up(pods));
    println!("{injected} proxies, Kubernetes and istiods on this machine");
    let first = check(&cluster);
    let lists = lists(&cluster);
    println!("{} lists; first check {:.2} s", lists.len(), first.time.as_secs_f64());
    let pods: BTreeSet<String> = lists.iter().filter(|list| list.ends_with("/v1/pods")).cloned().collect();
    let (mut ours, mut theirs, mut of_pods, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let run = check(&cluster);
        ours.push(run.time);
        peaks.push(run.peak_kilobytes / 1024);
        let (time, megabytes) = curl(&cluster, &lists);
        theirs.push(time);
        let (alone, of_them) = curl(&cluster, &pods);
        of_pods.push(alone);
        println!(
            "check {:.2} s, {} MB at most; curl {:.2} s, {megabytes} MB; pods alone {:.2} s, {of_them} MB",
            run.time.as_secs_f64(),
            run.peak_kilobytes / 1024,
            time.as_secs_f64(),
            alone.as_secs_f64()
        );
    }
    let [ours, theirs, of_pods] = [ours, theirs, of_pods].map(|times| median(times).as_secs_f64());
    println!(
        "median: check {ours:.2} s; curl {theirs:.2} s, ratio {:.2}; pods alone {of_pods:.2} s, ratio {:.2}; \
         peak memory {} MB",
        ours / theirs,
        ours / of_pods,
        peaks.into_iter().max().unwrap()
    );
    drop(standin);
}

/// A mesh of about so many pods, all of them injected and connected that are due to be.
async fn up(pods: usize) -> (Cluster, Standin, usize) {
    let recorded = meshlift_snapshot::fixtures::cluster("before").unwrap();
    let copies = pods.saturating_sub(1) / recorded.objects.pods.len();
    let mesh = enlarge(&recorded, copies);
    let nodes = pods / PODS_OF_A_NODE + 2;
    let cluster = Cluster::up(Options { nodes, ..Options::default() }).await.unwrap();
    let standin = Standin::start(&cluster).await.unwrap();
    let began = Instant::now();
    standin.load(&cluster, &mesh, &WITHOUT).await.unwrap();
    println!("loaded in {:.0} s", began.elapsed().as_secs_f64());
    let wanted: usize = recorded.istiods.values().flat_map(|one| one.syncz.iter().flatten()).count();
    let mut last = (0, Instant::now());
    loop {
        let proxies = standin.proxies().await.unwrap();
        if proxies != last.0 {
            last = (proxies, Instant::now());
        } else if proxies > wanted && last.1.elapsed() > Duration::from_secs(20) {
            return (cluster, standin, proxies);
        }
        assert!(began.elapsed() < UP, "{proxies} proxies of {pods} pods after {UP:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn check(cluster: &Cluster) -> Measured {
    let report = fs::File::create(cluster.folder().join("check.json")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshlift"));
    command.args(["check", "--to", "1.30.3", "-o", "json", "--kubeconfig"]).arg(cluster.kubeconfig());
    let run = measure(command.stdout(report).stderr(Stdio::null())).unwrap();
    // Findings end it with 1.
    assert!((0..2).contains(&run.exit), "check ends with {}", run.exit);
    run
}

/// Paths of the lists that meshlift asked for and got.
fn lists(cluster: &Cluster) -> BTreeSet<String> {
    let log = fs::read_to_string(cluster.folder().join("audit.log")).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ours = events.filter(|event| {
        let agent = event["userAgent"].as_str().unwrap_or_default();
        agent.starts_with("meshlift") && event["verb"] == "list" && event["responseStatus"]["code"] == 200
    });
    let path = |event: Value| event["requestURI"].as_str().unwrap().split('?').next().unwrap().to_owned();
    ours.map(path).collect()
}

/// Time of all requests, and how much they brought.
fn curl(cluster: &Cluster, lists: &BTreeSet<String>) -> (Duration, u64) {
    let config: Value = serde_saphyr::from_str(&fs::read_to_string(cluster.kubeconfig()).unwrap()).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let page = cluster.folder().join("page.json");
    let (mut time, mut bytes) = (Duration::ZERO, 0);
    for list in lists {
        let mut token = String::new();
        loop {
            let url = format!("{server}{list}?limit=500&continue={token}");
            let began = Instant::now();
            get(cluster.folder(), &url, &page);
            time += began.elapsed();
            let text = fs::read(&page).unwrap();
            bytes += text.len() as u64;
            let answer: Value = serde_json::from_slice(&text).unwrap();
            match answer["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => break,
            }
        }
    }
    (time, bytes / 1_000_000)
}

fn get(folder: &Path, url: &str, page: &Path) {
    let mut curl = Command::new("curl");
    for (flag, file) in [("--cacert", "ca.crt"), ("--cert", "admin.crt"), ("--key", "admin.key")] {
        curl.arg(flag).arg(folder.join(file));
    }
    let status = curl.args(["--silent", "--show-error", "--fail", "--output"]).arg(page).arg(url).status();
    assert!(status.unwrap().success(), "{url}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
