//! One run steered in every way, taken back by hand and by meshlift, and carried out to its end.

use serde_json::Value;

use crate::lab::{Lab, NEW, OLD};
use crate::{announced, everything_is_back, make_plan, refused, start, until};

#[test]
fn a_plan_is_carried_out_steered_rolled_back_and_carried_out_again() {
    let lab = Lab::up();
    let before = lab.mesh();
    let watcher = lab.watcher();
    let plan = make_plan(&lab);
    let announced = announced(&plan);
    nothing_happens_unless_somebody_says_yes(&lab, &plan, &before);
    each_wave_waits_for_a_person(&lab, &plan);
    a_held_run_goes_on_once_it_is_released(&lab);
    a_killed_process_is_resumed_by_another(&lab);
    a_person_takes_everything_back_by_hand(&lab, &before);
    watcher.check(&announced);
    nothing_is_left_of_a_forgotten_run(&lab);
    the_old_revision_goes_at_last(&lab);
    watcher.check(&announced);
    assert_eq!(lab.secrets_asked(), 0, "no role that ships has a verb on Secrets");
}

fn status(lab: &Lab) -> Value {
    let said = lab.run(&["status", "--run", "blue", "-o", "json"]);
    assert!(said.exit < 2, "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

fn nothing_happens_unless_somebody_says_yes(lab: &Lab, plan: &str, before: &Value) {
    refused(&lab.run(&["apply", plan, "--manifest", &lab.manifest]), "ML9513", "nobody said yes");
    refused(&lab.run(&["apply", plan, "--yes"]), "ML9530", "whole manifest was not given");
    let until = ["--until", "wave-9", "--manifest", &lab.manifest];
    refused(&lab.run(&[&["apply", plan, "--yes"], &until[..]].concat()), "ML9512", "wave-9");
    refused(&lab.run(&["status", "--run", "blue"]), "ML9521", "blue");
    refused(&lab.run(&["resume"]), "ML9526", "under way");
    assert_eq!(lab.run(&["status"]).stdout, "no run was ever begun here\n");
    assert_eq!(&lab.mesh(), before);
}

fn each_wave_waits_for_a_person(lab: &Lab, plan: &str) {
    let said = lab.run(&["apply", plan, "--yes", "--run", "blue", "--manifest", &lab.manifest]);
    assert_eq!(said.exit, 1, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("next: meshlift approve wave-1 --run blue"), "{}", said.stdout);
    assert_eq!(lab.revisions("team-12"), [NEW]);
    assert_eq!(lab.revisions("ledger-classic"), [OLD, OLD]);
    let told = status(lab);
    assert_eq!((&told["result"], &told["executor"]), (&"waiting".into(), &Value::Null));
    assert_eq!(lab.owner_annotation("team-12", "api-2"), "blue");
    assert!(lab.events("team-12").iter().any(|note| note.starts_with("meshlift run blue: restarted")));
    refused(&lab.run(&["apply", plan, "--yes"]), "ML9527", "`blue` is not over");
    refused(&lab.run(&["cleanup", "--run", "blue"]), "ML9529", "come first");
    refused(&lab.run(&["approve", "wave-7", "--run", "blue"]), "ML9512", "wave-7");
}

fn a_held_run_goes_on_once_it_is_released(lab: &Lab) {
    lab.annotate("meshlift.dev/hold", "freeze".into());
    refused(&lab.run(&["approve", "wave-1"]), "ML9531", "freeze");
    assert_eq!(status(lab)["hold"], "freeze");
    lab.annotate("meshlift.dev/hold", Value::Null);
    assert_eq!(lab.revisions("ledger-classic"), [OLD, OLD]);
}

/// Killed in the middle of the second wave: its Lease still counts, so the next process says that it takes over.
fn a_killed_process_is_resumed_by_another(lab: &Lab) {
    let mut child = start(&lab.operator, &["approve", "wave-1", "--by", "ann"]);
    until("the second wave begins", || lab.owner_annotation("ledger-classic", "books") == "blue");
    assert_eq!(lab.run(&["status", "--run", "blue"]).exit, 0, "nothing says no to what is under way");
    child.kill().unwrap();
    child.wait().unwrap();
    refused(&lab.run(&["rollback", "--run", "nobody"]), "ML9521", "nobody");
    let said = lab.run(&["resume", "--take-over", "--grant-approvals", "ann", "--until", "tag-prod-stable"]);
    assert_eq!(said.exit, 1, "{}{}", said.stdout, said.stderr);
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW]);
    let told = status(lab);
    let state = |id: &str| {
        let steps = told["steps"].as_array().unwrap();
        steps.iter().find(|step| step["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (state("wave-1"), state("wave-2"), state("tag-prod-stable")),
        ("done".into(), "done".into(), "done".into())
    );
}

/// The printed way back needs no meshlift; meshlift finds everything done and says so.
fn a_person_takes_everything_back_by_hand(lab: &Lab, before: &Value) {
    let said = lab.run(&["rollback", "--print-kubectl"]);
    assert_eq!(said.exit, 0, "{}", said.stderr);
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW], "nothing was changed");
    lab.by_hand(&said.stdout);
    assert_eq!(lab.by_hand(&said.stdout).lines().filter(|line| line.contains(" created")).count(), 0);
    everything_is_back(lab, before);
    refused(&lab.run(&["rollback"]), "ML9531", "by hand");
    lab.annotate("meshlift.dev/hold", Value::Null);
    let said = lab.run(&["rollback"]);
    assert!(said.exit == 1 && said.stdout.contains("ROLLED BACK"), "{}{}", said.stdout, said.stderr);
    everything_is_back(lab, before);
    refused(&lab.run(&["resume", "--run", "blue"]), "ML9529", "the run is over");
    let said = lab.run(&["rollback", "--run", "blue", "--print-kubectl"]);
    assert!(said.stdout.contains("# Nothing was changed"), "{}", said.stdout);
}

fn nothing_is_left_of_a_forgotten_run(lab: &Lab) {
    assert!(lab.run_objects("blue") > 0);
    let file = lab.path("blue.jsonl");
    let said = lab.run(&["cleanup", "--run", "blue", "--forget", "--out", file.to_str().unwrap()]);
    assert_eq!(said.exit, 0, "{}", said.stderr);
    let journal = std::fs::read_to_string(file).unwrap();
    assert!(journal.lines().count() > 20 && journal.contains("rolled-back"));
    until("garbage collection", || lab.run_objects("blue") == 0);
}

fn the_old_revision_goes_at_last(lab: &Lab) {
    let plan = make_plan(lab);
    let said = lab.run(&lab.onward(&["apply", &plan, "--yes"], "tag-default"));
    assert_eq!(said.exit, 1, "{}{}", said.stdout, said.stderr);
    // The way back ends with the old revision: that takes a word of its own, and what was done for a while is told.
    let said = lab.run(&["cleanup"]);
    assert_eq!(said.exit, 1, "{}{}", said.stdout, said.stderr);
    let told = "TEMPORARY  Deployment/istio-system/istiod-1-29-6: replicas 0 (before: replicas";
    assert!(
        said.stdout.contains("next: meshlift approve cleanup") && said.stdout.contains(told),
        "{}",
        said.stdout
    );
    let said = lab.run(&["approve", "cleanup", "--by", "ann"]);
    assert_eq!(said.exit, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("DONE") && !said.stdout.contains("TEMPORARY"), "{}", said.stdout);
    for namespace in &lab.namespaces {
        let revisions = lab.revisions(namespace);
        assert!(
            !revisions.is_empty() && revisions.iter().all(|one| one == NEW),
            "{namespace}: {revisions:?}"
        );
    }
    assert_eq!(lab.istiods(), [format!("istiod-{NEW}")]);
    let again = make_plan(lab);
    let text = std::fs::read_to_string(again).unwrap();
    assert!(text.contains("steps: []"), "nothing is left to do: {text}");
}
