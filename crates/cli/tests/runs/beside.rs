//! Others are at work beside a run: a second run, whoever drains a node, an autoscaler, a GitOps controller.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::{Arc, Mutex};

use meshlift_cluster::{Fate, READY_AFTER};
use serde_json::{Value, json};

use crate::lab::{Lab, NEW};
use crate::{announced, everything_is_back, found, make_plan, refused, start, talk, until};

const BOOKS: &str = "/apis/apps/v1/namespaces/ledger-classic/deployments/books";
const LEDGER: &str = "/api/v1/namespaces/ledger-classic";
const SCALERS: &str = "/apis/autoscaling/v2/namespaces/ledger-classic/horizontalpodautoscalers";
const ARGO: &str = "Argo CD books applies it";
/// Slow enough that others come in between.
const READY: &str = "4s";

#[test]
fn a_run_goes_on_beside_others() {
    let lab = Lab::up();
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "books"},
        "spec": {
            "minReplicas": 2, "maxReplicas": 6,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "books"},
        },
    });
    lab.post(SCALERS, &scaler);
    let slow = json!({"spec": {"template": {"metadata": {"annotations": {READY_AFTER: READY}}}}});
    lab.patch(BOOKS, &slow);
    let adopted = json!({"metadata": {"labels": {"argocd.argoproj.io/instance": "books"}}});
    lab.patch(BOOKS, &adopted);
    until("slow pods", || lab.all_ready());
    let watcher = lab.watcher();
    let plan = make_plan(&lab);
    // No plan moves a namespace whose labels somebody would set back: it is adopted since.
    lab.patch(LEDGER, &adopted);
    let before = lab.mesh();
    of_two_that_begin_at_once_one_begins(&lab, &plan);
    a_node_is_drained(&lab);
    // What else was on that node fell below what was announced: no doing of the run.
    watcher.check(&BTreeMap::new());
    until("all of that", || lab.all_ready());
    let watcher = lab.watcher();
    a_controller_takes_the_restart_back(&lab);
    a_controller_takes_the_selector_back(&lab);
    let more = an_autoscaler_wants_more(&lab);
    let said = lab.run(&["rollback", "--run", "ash"]);
    assert!(said.stdout.contains("ROLLED BACK"), "{}{}", said.stdout, said.stderr);
    assert_eq!(lab.revisions("ledger-classic").len(), more, "what others asked for stays");
    lab.patch(&format!("{SCALERS}/books"), &json!({"spec": {"minReplicas": 2}}));
    lab.patch(BOOKS, &json!({"spec": {"replicas": 2}}));
    until("two pods", || lab.revisions("ledger-classic").len() == 2);
    everything_is_back(&lab, &before);
    watcher.check(&announced(&plan));
}

/// The second begins between the first one's look for others and its claim.
fn of_two_that_begin_at_once_one_begins(lab: &Lab, plan: &str) {
    let second: Arc<Mutex<Option<Child>>> = Arc::default();
    let (operator, begun) = (lab.operator.clone(), Arc::clone(&second));
    let apply = lab.onward(&["apply", plan, "--yes", "--run", "ash"], "control-plane");
    let apply: Vec<String> = apply.into_iter().map(str::to_owned).collect();
    let proxy = lab.proxy(move |method, path| {
        let mut begun = begun.lock().unwrap();
        if method == "POST" && path.contains("/istio-system/configmaps") && begun.is_none() {
            let arguments: Vec<&str> = apply.iter().map(String::as_str).collect();
            *begun = Some(start(&operator, &arguments));
            until("the second run", || {
                let who = ["status", "--run", "ash", "--kubeconfig", operator.to_str().unwrap()];
                crate::common::meshlift(operator.parent().unwrap(), &who).exit < 2
            });
        }
        Fate::Pass
    });
    let first = ["apply", plan, "--yes", "--run", "elm", "--manifest", &lab.manifest];
    refused(&lab.run_with(proxy.kubeconfig(), &first), "ML9527", "`ash` is not over");
    refused(&lab.run(&["status", "--run", "elm"]), "ML9521", "elm");
    let ended = second.lock().unwrap().take().unwrap().wait().unwrap();
    assert_eq!(ended.code(), Some(1), "{}", talk(&lab.operator));
}

/// In the middle of the restart, a node that has a pod of the workload.
fn a_node_is_drained(lab: &Lab) {
    let mut child = start(&lab.operator, &lab.onward(&["resume"], "wave-1"));
    until("the first wave", || lab.owner_annotation("team-12", "api-2") == "ash");
    // The newest pod may have none yet.
    let node = found("a pod on a node", || {
        let pods = lab.get("/api/v1/namespaces/team-12/pods");
        let mut nodes = pods["items"].as_array()?.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str());
        nodes.next().map(str::to_owned)
    });
    let drain = format!("kubectl drain {node} --ignore-daemonsets --delete-emptydir-data --force");
    lab.by_hand_of(&lab.cluster.kubeconfig(), &drain);
    assert_eq!(child.wait().unwrap().code(), Some(1), "{}", talk(&lab.operator));
    assert_eq!(lab.revisions("team-12"), [NEW], "{}", talk(&lab.operator));
    lab.by_hand_of(&lab.cluster.kubeconfig(), &format!("kubectl uncordon {node}"));
}

fn waits(lab: &Lab, why: &str) {
    let said = lab.run(&lab.onward(&["resume"], "wave-2"));
    let told = said.stderr.lines().last().unwrap_or_default();
    assert!(said.exit == 1 && told.contains(why) && told.contains(ARGO), "{}{}", said.stdout, said.stderr);
    assert!(!said.stdout.contains("meshlift approve"), "no approval helps here: {}", said.stdout);
}

fn a_controller_takes_the_restart_back(lab: &Lab) {
    let stripped = json!({"kubectl.kubernetes.io/restartedAt": null});
    let strip = json!({"spec": {"template": {"metadata": {"annotations": stripped}}}});
    let controller = lab.apply_again(BOOKS, &strip);
    waits(lab, "somebody took the restart of Deployment/ledger-classic/books back");
    drop(controller);
}

fn a_controller_takes_the_selector_back(lab: &Lab) {
    let former = json!({"metadata": {"labels": {"istio.io/rev": "prod-stable"}}});
    let controller = lab.apply_again(LEDGER, &former);
    waits(lab, "ledger-classic");
    drop(controller);
}

/// While books rolls; gives how many pods there are then.
fn an_autoscaler_wants_more(lab: &Lab) -> usize {
    let restarts = || {
        let books = lab.get(BOOKS);
        let annotations = &books["spec"]["template"]["metadata"]["annotations"];
        annotations["kubectl.kubernetes.io/restartedAt"].clone()
    };
    let last = restarts();
    let mut child = start(&lab.operator, &lab.onward(&["resume"], "wave-2"));
    until("the restart", || restarts() != last && restarts() != Value::Null);
    lab.patch(&format!("{SCALERS}/books"), &json!({"spec": {"minReplicas": 3}}));
    assert_eq!(child.wait().unwrap().code(), Some(1), "{}", talk(&lab.operator));
    until("three pods", || lab.revisions("ledger-classic").len() == 3 && lab.all_ready());
    assert_eq!(lab.revisions("ledger-classic"), [NEW; 3], "{}", talk(&lab.operator));
    3
}
