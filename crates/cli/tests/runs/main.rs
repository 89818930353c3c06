//! Plans carried out on a real control plane, by the binary alone, with exactly the roles that ship. What came of it is
//! asked with plain requests that share no code with it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests among real clocks; one that cannot go on fails"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/users.rs"]
mod users;

mod beside;
mod frozen;
mod kills;
mod lab;
mod makespan;
mod meddling;
mod steering;
mod storm;
mod stuck;
mod watcher;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Said;
use lab::{INTENT, Lab, OLD};
use serde_json::Value;

/// Longest that anything is waited for.
const WAIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(200);

/// Ready endpoints that the plan's steps keep, by Service: here each is called as its workload.
fn announced(plan: &str) -> BTreeMap<String, usize> {
    let plan: Value = serde_saphyr::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    let actions = steps.iter().flat_map(|step| step["actions"].as_array().unwrap());
    let moves = actions.map(|action| &action["do"]).filter(|action| action["action"] == "move");
    let announced: BTreeMap<String, usize> = moves
        .map(|one| {
            let workload = one["workload"].as_str().unwrap().split_once('/').unwrap().1.to_owned();
            (workload, usize::try_from(one["ready_min"].as_u64().unwrap()).unwrap())
        })
        .collect();
    assert!(!announced.is_empty(), "{plan}");
    announced
}

fn make_plan(lab: &Lab) -> String {
    plan_with(lab, INTENT)
}

#[expect(clippy::explicit_write, reason = "the test runner would hide it where the test passes")]
fn plan_with(lab: &Lab, wishes: &str) -> String {
    let (intent, plan) = (lab.path("intent.yaml"), lab.path("plan.yaml"));
    std::fs::write(&intent, wishes).unwrap();
    let (intent, plan) = (intent.to_str().unwrap().to_owned(), plan.to_str().unwrap().to_owned());
    // A mesh that has just come up may not be at rest yet: what it waits for is shown, also where it passes.
    until("a plan that waits for nobody", || {
        let said = lab.run(&["plan", "--intent", &intent, "--out", &plan, "--manifest", &lab.manifest]);
        assert_eq!(said.exit, 0, "{}{}", said.stdout, said.stderr);
        let waits = said.stdout.contains("WAITS FOR YOU");
        if waits {
            writeln!(std::io::stderr(), "not at rest yet: {}{}", said.stdout, said.stderr).unwrap();
        }
        !waits
    });
    plan
}

/// Everything is as it was before.
fn everything_is_back(lab: &Lab, before: &Value) {
    for namespace in &lab.namespaces {
        let revisions = lab.revisions(namespace);
        let back = !revisions.is_empty() && revisions.iter().all(|one| one == OLD);
        assert!(back, "{namespace}: {revisions:?}");
    }
    assert_eq!(&lab.mesh(), before);
}

fn refused(said: &Said, code: &str, words: &str) {
    let told = said.stderr.contains(&format!("error[{code}]")) && said.stderr.contains(words);
    assert!(said.exit == 2 && told && said.stderr.contains("hint:"), "{} {}", said.exit, said.stderr);
}

/// Starts meshlift as the user of a kubeconfig and does not wait for it; what it says lies beside the kubeconfig.
fn start(kubeconfig: &Path, arguments: &[&str]) -> Child {
    let talk = std::fs::File::create(kubeconfig.with_extension("talk")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshlift"));
    command.args(arguments).args(["--kubeconfig", kubeconfig.to_str().unwrap()]);
    command.stdout(Stdio::null()).stderr(talk).spawn().unwrap()
}

/// What the last process said that was started with the kubeconfig.
fn talk(kubeconfig: &Path) -> String {
    std::fs::read_to_string(kubeconfig.with_extension("talk")).unwrap()
}

/// Sends a process a signal, such as `-STOP`.
fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(sent.success(), "no process {process}");
}

fn until(what: &str, holds: impl Fn() -> bool) {
    found(what, || holds().then_some(()));
}

fn found<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(LOOK);
    }
}
