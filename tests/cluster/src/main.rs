//! Clusters for tests, by hand: `up`, `down`, `status`; `hold` and `supervise` are its own processes.

use std::path::Path;
use std::process::ExitCode;

use meshlift_cluster::{ClusterError, Options, Parts, down, hold, status, supervise, up};

const USAGE: &str = "usage: meshlift-cluster up [NAME [NODES]] | down [NAME] | status [NAME]";
const NAME: &str = "default";
const NODES: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<bool, ClusterError> {
    let name = arguments.get(1).copied().unwrap_or(NAME);
    let nodes = || arguments.get(2).map_or(Some(NODES), |nodes| nodes.parse().ok());
    match (arguments.first().copied(), nodes()) {
        (Some("up"), Some(nodes)) => {
            let held = up(name, nodes)?;
            println!("export KUBECONFIG={}", held.kubeconfig.display());
            Ok(true)
        }
        (Some("status"), _) => {
            let held = status(name);
            match &held {
                Some(held) => println!("{name}: up, process {}, {}", held.pid, held.kubeconfig.display()),
                None => println!("{name}: not up"),
            }
            Ok(held.is_some())
        }
        (Some("down"), _) => {
            println!("{name}: {}", if down(name)? { "ended" } else { "was not up" });
            Ok(true)
        }
        (Some("hold"), Some(nodes)) => hold(name, Options { nodes, ..Options::default() }).map(|()| true),
        (Some("supervise"), _) if arguments.len() == 3 => {
            let [_, folder, parts] = arguments else { return Ok(false) };
            supervise(Path::new(folder), &Parts::in_folder(Path::new(parts))).map(|()| true)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(false)
        }
    }
}
