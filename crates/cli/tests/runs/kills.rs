//! The executor is killed before and after every kind of effect; another process takes each run up.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use meshlift_cluster::Fate;
use serde_json::Value;

use crate::lab::{Lab, NEW};
use crate::{announced, everything_is_back, make_plan, signal, start, talk};

/// Processes that carry one run out at most.
const PROCESSES_MAX: usize = 60;
const KILL: i32 = 9;

/// When a process is killed: before the request arrives, or after it was done and before its answer is heard.
const BEFORE: &[bool] = &[false];
const AFTER: &[bool] = &[true];
const BOTH: &[bool] = &[false, true];

/// Kinds of effects, each with whether the process was killed after it, and who executes now.
#[derive(Clone)]
struct Killer {
    deaths: &'static [bool],
    done: Arc<Mutex<BTreeSet<(&'static str, bool)>>>,
    victim: Arc<Mutex<Option<u32>>>,
}

impl Killer {
    fn new(deaths: &'static [bool]) -> Self {
        Self { deaths, done: Arc::default(), victim: Arc::default() }
    }

    fn fate(&self, method: &str, path: &str) -> Fate {
        let Some(kind) = kind(method, path) else { return Fate::Pass };
        let mut done = self.done.lock().unwrap();
        let due = self.deaths.iter().find(|after| done.insert((kind, **after)));
        let Some(after) = due else { return Fate::Pass };
        let victim = self.victim.lock().unwrap().unwrap();
        let kill = Box::new(move || signal(victim, "-KILL"));
        if *after { Fate::LoseAnswer(kill) } else { Fate::Cut(kill) }
    }

    /// Drives the run through all deaths until a process ends with that code; gives the number of processes it took.
    fn drive(&self, lab: &Lab, kubeconfig: &Path, first: &[&str], again: &[&str], code: i32) -> usize {
        let mut arguments = first;
        for process in 1..PROCESSES_MAX {
            let mut child = start(kubeconfig, arguments);
            *self.victim.lock().unwrap() = Some(child.id());
            let status = child.wait().unwrap();
            let begun = lab.run(&["status", "--run", "cat"]).exit < 2;
            match (status.signal(), status.code()) {
                (Some(KILL), _) => arguments = if begun { again } else { first },
                (_, Some(ended)) if ended == code => return process,
                other => {
                    let (talk, status) = (talk(kubeconfig), lab.run(&["status"]).stdout);
                    panic!("{arguments:?} ends with {other:?}: {talk}{status}");
                }
            }
        }
        panic!("{PROCESSES_MAX} processes are not enough: {}", lab.run(&["status"]).stdout);
    }
}

/// The kind of effect that a request is; nothing for what only looks.
fn kind(method: &str, path: &str) -> Option<&'static str> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    let has = |part: &str| parts.contains(&part);
    let name = parts.last().copied().unwrap_or_default();
    let kind = match method {
        "GET" => return None,
        "POST" if has("pods") => "proof by dry run",
        "PATCH" if query.contains("dryRun") => "dry run of an apply",
        "PATCH" if has("customresourcedefinitions") => "CRD",
        "PATCH" if has("clusterroles") => "ClusterRole",
        "PATCH" if has("mutatingwebhookconfigurations") && name.contains("prod") => "tag's webhook",
        "PATCH" if has("services") && name.contains("prod") => "tag's Service",
        "PATCH" if has("mutatingwebhookconfigurations") => "webhook",
        "PATCH" if has("deployments") && has("istio-system") => "istiod",
        "PATCH" if has("deployments") => "restart",
        "PATCH" if has("namespaces") && parts.len() == 5 => "selector",
        "POST" if has("events") => "event",
        "PUT" if has("configmaps") => "journal",
        "PUT" if has("leases") => "lease",
        "DELETE" if has("deployments") => "deletion of istiod",
        "DELETE" if has("mutatingwebhookconfigurations") => "deletion of a webhook",
        _ => return None,
    };
    Some(kind)
}

#[test]
fn a_run_is_the_same_where_its_process_dies_before_each_effect() {
    there_and_back(BEFORE);
}

#[test]
fn a_run_is_the_same_where_its_process_dies_after_each_effect() {
    there_and_back(AFTER);
}

fn there_and_back(deaths: &'static [bool]) {
    let lab = Lab::up();
    let (before, watcher) = (lab.mesh(), lab.watcher());
    let plan = make_plan(&lab);
    let killer = Killer::new(deaths);
    let fates = killer.clone();
    let proxy = lab.proxy(move |method, path| fates.fate(method, path));
    let first = lab.onward(&["apply", &plan, "--yes", "--run", "cat"], "tag-default");
    let again = lab.onward(&["resume", "--take-over"], "tag-default");
    let there = killer.drive(&lab, proxy.kubeconfig(), &first, &again, 1);
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW]);
    watcher.check(&announced(&plan));
    let back = ["rollback", "--run", "cat", "--take-over"];
    let processes = there + killer.drive(&lab, proxy.kubeconfig(), &back, &back, 1);
    everything_is_back(&lab, &before);
    watcher.check(&announced(&plan));
    let done = killer.done.lock().unwrap();
    assert_eq!(done.len(), 15, "{done:?}");
    assert!(processes > done.len(), "{processes} processes");
    each_workload_was_restarted_once(&lab);
}

#[test]
fn the_old_revision_goes_however_often_the_process_dies() {
    let lab = Lab::up();
    let plan = make_plan(&lab);
    let said = lab.run(&lab.onward(&["apply", &plan, "--yes", "--run", "cat"], "tag-default"));
    assert!(said.stdout.contains("a person paused the run"), "{}{}", said.stdout, said.stderr);
    let killer = Killer::new(BOTH);
    let fates = killer.clone();
    let proxy = lab.proxy(move |method, path| fates.fate(method, path));
    let resume = ["resume", "--run", "cat", "--take-over"];
    killer.drive(&lab, proxy.kubeconfig(), &["cleanup", "--run", "cat"], &resume, 1);
    assert_eq!(lab.istiods().len(), 2, "its removal waits for an approval");
    let approve = ["approve", "cleanup", "--run", "cat", "--by", "ann"];
    let resume = [&resume[..], &["--grant-approvals", "ann"]].concat();
    killer.drive(&lab, proxy.kubeconfig(), &approve, &resume, 0);
    assert_eq!(lab.istiods(), [format!("istiod-{NEW}")]);
    let done = killer.done.lock().unwrap();
    for effect in ["istiod", "deletion of istiod", "deletion of a webhook", "journal"] {
        assert!([false, true].iter().all(|after| done.contains(&(effect, *after))), "{effect}: {done:?}");
    }
    let plan = std::fs::read_to_string(make_plan(&lab)).unwrap();
    assert!(plan.contains("steps: []"), "nothing is left to do: {plan}");
}

/// A restart that was written again was the same restart: its value is that of the first.
fn each_workload_was_restarted_once(lab: &Lab) {
    let file = lab.path("cat.jsonl");
    let said = lab.run(&["cleanup", "--run", "cat", "--forget", "--out", file.to_str().unwrap()]);
    assert_eq!(said.exit, 0, "{}", said.stderr);
    let mut restarts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let write = &line["write"];
        if let (Some(target), Some(value)) = (write["target"].as_str(), write["change"]["value"].as_str())
            && write["change"]["change"] == "template-annotation"
        {
            restarts.entry(target.to_owned()).or_default().insert(value.to_owned());
        }
    }
    assert_eq!(restarts.len(), 3, "{restarts:?}");
    assert!(restarts.values().all(|values| values.len() == 1), "{restarts:?}");
}
