//! The API server dies, etcd hangs, istiods are gone, and people reach into the middle of a run.

use std::cell::RefCell;
use std::time::Duration;

use meshlift_istiod_standin::Behaviour;
use serde_json::{Value, json};

use crate::lab::{Lab, NEW, OLD};
use crate::{announced, everything_is_back, make_plan, start, talk, until};

const BOOKS: &str = "/apis/apps/v1/namespaces/ledger-classic/deployments/books";
const LEDGER: &str = "/api/v1/namespaces/ledger-classic";
/// Time that etcd does not answer: longer than a Lease is renewed.
const ETCD_HANGS: Duration = Duration::from_secs(12);

#[test]
fn a_run_outlives_what_happens_around_it() {
    let lab = Lab::up();
    let (before, watcher) = (lab.mesh(), lab.watcher());
    let plan = make_plan(&lab);
    the_cluster_stumbles(&lab, &plan);
    watcher.check(&announced(&plan));
    an_injector_that_is_gone_holds_the_way_back(&lab, &before);
    watcher.check(&announced(&plan));
}

#[test]
fn a_run_leaves_alone_what_people_change_meanwhile() {
    let lab = Lab::up();
    let watcher = lab.watcher();
    let plan = make_plan(&lab);
    somebody_relabels_the_next_namespace(&lab, &plan);
    somebody_deploys_in_the_middle_of_our_restart(&lab);
    watcher.check(&announced(&plan));
}

/// One process, from the first step to the last tag.
fn the_cluster_stumbles(lab: &Lab, plan: &str) {
    let apply = lab.onward(&["apply", plan, "--yes", "--run", "oak"], "tag-default");
    let child = RefCell::new(start(&lab.operator, &apply));
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        until(what, || {
            assert!(
                child.borrow_mut().try_wait().unwrap().is_none(),
                "{what} does not come: {}",
                talk(&lab.operator)
            );
            holds()
        });
    };
    wait("the new istiod", &|| lab.istiods().len() == 2);
    lab.cluster.restart_api_server().unwrap();
    wait("the first wave", &|| lab.owner_annotation("team-12", "api-2") == "oak");
    lab.delete("/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/meshlift-run-oak");
    wait("the second wave", &|| lab.owner_annotation("ledger-classic", "books") == "oak");
    lab.delete("/api/v1/namespaces/istio-system/configmaps/meshlift-run-oak");
    lab.cluster.order("freeze etcd").unwrap();
    std::thread::sleep(ETCD_HANGS);
    lab.cluster.order("thaw etcd").unwrap();
    assert_eq!(child.borrow_mut().wait().unwrap().code(), Some(1), "{}", talk(&lab.operator));
    let told = lab.run(&["status", "--run", "oak"]).stdout;
    assert!(told.contains("a person paused the run"), "{told}{}", talk(&lab.operator));
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW]);
    assert_eq!(lab.revisions("partner"), [NEW, NEW]);
}

/// The old istiods would have to inject what goes back to them.
fn an_injector_that_is_gone_holds_the_way_back(lab: &Lab, before: &Value) {
    lab.behave(OLD, Behaviour { refuses: true, ..Behaviour::default() });
    let said = lab.run(&["rollback", "--run", "oak"]);
    assert!(said.exit == 1 && said.stdout.contains("held"), "{}{}", said.stdout, said.stderr);
    // Nothing was given up for it: every pod serves where it was.
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW]);
    lab.behave(OLD, Behaviour::default());
    let said = lab.run(&["resume", "--run", "oak"]);
    assert!(said.stdout.contains("ROLLED BACK"), "{}{}", said.stdout, said.stderr);
    everything_is_back(lab, before);
}

fn somebody_relabels_the_next_namespace(lab: &Lab, plan: &str) {
    let said = lab.run(&lab.onward(&["apply", plan, "--yes", "--run", "elm"], "wave-1"));
    assert!(said.stdout.contains("a person paused the run"), "{}{}", said.stdout, said.stderr);
    let labels = lab.get(LEDGER)["metadata"]["labels"].clone();
    lab.patch(LEDGER, &json!({"metadata": {"labels": {"istio.io/rev": "somebody-else"}}}));
    let said = lab.run(&["resume", "--grant-approvals", "ann", "--until", "wave-2"]);
    let why = "no longer has istio.io/rev=prod-stable; somebody gave it istio.io/rev=somebody-else";
    assert!(said.exit == 1 && said.stderr.contains(why), "{}{}", said.stdout, said.stderr);
    assert_eq!(lab.get(LEDGER)["metadata"]["labels"]["istio.io/rev"], "somebody-else", "theirs stays");
    assert_eq!(lab.revisions("ledger-classic"), [OLD, OLD]);
    let former = labels.get("istio.io/rev").cloned().unwrap_or_default();
    lab.patch(LEDGER, &json!({"metadata": {"labels": {"istio.io/rev": former}}}));
}

/// Theirs is not lost, forward or back: the run waits for a person, who plans again.
fn somebody_deploys_in_the_middle_of_our_restart(lab: &Lab) {
    let mut child =
        start(&lab.operator, &["resume", "--run", "elm", "--grant-approvals", "ann", "--until", "wave-2"]);
    until("the restart", || lab.owner_annotation("ledger-classic", "books") == "elm");
    let image = "docker.io/library/books:of-somebody";
    let template = lab.get(BOOKS)["spec"]["template"]["spec"]["containers"].clone();
    let mut containers = template.clone();
    containers[0]["image"] = image.into();
    lab.patch(BOOKS, &json!({"spec": {"template": {"spec": {"containers": containers}}}}));
    child.wait().unwrap();
    let now = || lab.get(BOOKS)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    for verb in ["resume", "rollback"] {
        let said = lab.run(&[verb, "--run", "elm"]);
        let why = "the template of Deployment/ledger-classic/books changed since the plan was made";
        assert!(said.exit == 1 && said.stderr.contains(why), "{}{}", said.stdout, said.stderr);
        assert_eq!(now(), image, "{verb}");
    }
}
