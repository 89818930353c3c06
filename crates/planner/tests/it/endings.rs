//! How the recorded mesh ends, with a choice for everything and with none.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshlift_mesh::{Mesh, Role, RolloutRules};
use meshlift_model::action::Selector;
use meshlift_model::finding::TrafficVerdict;
use meshlift_model::intent::ChoiceKind;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::plan::Stage;
use meshlift_planner::{Fate, leaves_behind};

use crate::common::*;

fn selector(mesh: &Mesh, namespace: &str) -> Selector {
    mesh.namespaces[namespace].selector.clone()
}

#[test]
fn the_demo_ends_with_every_proxy_on_the_new_revision() {
    let before = mesh("before");
    let (plan, _) = planned("before", &demo());
    let left = Mesh::derive(Arc::new(leaves_behind(before, &plan, Some(manifest(false)))));
    let new = RevisionName::new("1-30-3");
    let carries = |revision: &RevisionName| {
        let pods = left.pods.values().filter(|pod| !pod.finished && pod.proxy.is_some());
        pods.filter(|pod| pod.revision.as_ref() == Some(revision)).count()
    };
    assert_eq!((carries(&new), carries(&RevisionName::new("1-29-6"))), (174, 0));
    assert_eq!(left.revisions.keys().collect::<Vec<_>>(), [&new]);
    let tags: Vec<_> = left.tags.values().map(|tag| (tag.name.as_str(), tag.revision.clone())).collect();
    assert_eq!(tags, [("default", Some(new.clone())), ("prod-stable", Some(new))]);
    let rev = |name: &str| Selector { injection: None, rev: Some(name.to_owned()) };
    let enabled = Selector { injection: Some("enabled".to_owned()), rev: None };
    for (name, facts) in &before.namespaces {
        let expected = match name.as_str() {
            "web" => rev("prod-stable"),
            "identity" => rev("1-30-3"),
            "search" => enabled.clone(),
            _ => facts.selector.clone(),
        };
        assert_eq!(selector(&left, name), expected, "{name}");
    }
    assert_eq!(left.namespaces["legacy"].pods, before.namespaces["legacy"].pods);
}

#[test]
fn the_demo_accepts_loss_only_where_nothing_else_cures() {
    let intent = demo();
    let subjects = |wanted: &ChoiceKind| -> Vec<String> {
        let choices = intent.choices.iter().filter(|choice| choice.choose == *wanted);
        choices.map(|choice| choice.subject.short()).collect()
    };
    let accepted = ["checkout/tax", "payments/reports", "istio-ingress/istio-ingressgateway"];
    assert_eq!(subjects(&ChoiceKind::AcceptLoss), accepted);
    assert!(subjects(&ChoiceKind::HoldNamespace).is_empty());
    let (plan, report) = planned("before", &intent);
    assert!(plan.waiting.is_empty(), "{:?}", waiting(&plan));
    assert!(report.notes.is_empty(), "every choice fits: {:?}", report.notes);
    let floors = plan.steps.iter().flat_map(|step| &step.floors);
    for floor in floors.filter(|floor| floor.accepted_loss.is_none()) {
        assert!(floor.ready_min > 0, "{}", floor.workload);
    }
}

/// Written apart from the planner: what the runbook says moves when nobody chooses anything.
fn expected_to_move() -> BTreeSet<ObjectRef> {
    let mesh = mesh("before");
    let assessment = meshlift_checks::assess(mesh, &none(), Some(&target()));
    let decide: BTreeSet<&ObjectRef> =
        assessment.findings.iter().filter(|one| one.needs_choice()).map(|one| &one.subject).collect();
    let critical = ["identity", "payments"];
    let gap =
        |one: &ObjectRef| assessment.workloads.get(one).is_some_and(|it| it.verdict == TrafficVerdict::Gap);
    let held: BTreeSet<&str> = mesh
        .workloads
        .values()
        .filter(|one| one.role == Role::App && decide.contains(&one.workload))
        .filter(|one| {
            critical.contains(&one.workload.namespace.as_str())
                || one.workload.kind == "StatefulSet"
                || one.rules == RolloutRules::OnDelete
                || gap(&one.workload)
        })
        .map(|one| one.workload.namespace.as_str())
        .chain(["web"])
        .collect();
    let injected = mesh.workloads.values().filter(|one| one.now.keys().any(Option::is_some));
    let free =
        injected.filter(|one| one.role == Role::App && !one.pod_bound && !decide.contains(&one.workload));
    free.filter(|one| !held.contains(one.workload.namespace.as_str()))
        .map(|one| one.workload.clone())
        .collect()
}

#[test]
fn without_choices_all_that_is_free_moves_and_nothing_else() {
    let (plan, report) = planned("before", &none());
    let moved: BTreeSet<ObjectRef> =
        moves(&plan).into_iter().map(|(_, _, one)| one.workload.clone()).collect();
    assert_eq!(moved, expected_to_move());
    assert_eq!(moved.len(), 47);
    let tags: Vec<_> = plan.steps.iter().filter(|step| step.stage == Stage::Tag).collect();
    assert!(tags.is_empty());
    let later = |stage| matches!(stage, Stage::Observe | Stage::Dark | Stage::Cleanup);
    assert!(!plan.steps.iter().any(|step| later(step.stage)));
    for subject in
        ["RevisionTag/default", "RevisionTag/prod-canary", "RevisionTag/prod-stable", "Revision/1-29-6"]
    {
        assert!(waiting(&plan).iter().any(|one| one == subject), "{subject}");
    }
    let edi = &report.workloads[&object("Deployment/partner/edi")];
    assert!(matches!(edi, Fate::Held { .. }), "{edi:?}");
}

#[test]
fn each_hazard_that_waits_offers_what_decides_it() {
    let (plan, _) = planned("before", &none());
    let decided: BTreeSet<String> = demo().choices.iter().map(|choice| choice.subject.to_string()).collect();
    for one in plan.waiting.iter().filter(|one| one.code.is_some()) {
        assert!(decided.contains(&one.subject.to_string()), "{}", one.subject);
        assert!(one.offers.contains(&"hold-namespace".to_owned()) && one.offers.len() > 1, "{one:?}");
    }
}

#[test]
fn a_gateway_open_to_the_outside_waits_for_a_person_with_commands() {
    let (plan, _) = planned("before", &none());
    let gateway = step(&plan, "gateway-istio-ingress-istio-ingressgateway");
    let person = gateway.person.as_ref().unwrap();
    assert!(!person.approval && gateway.actions.is_empty());
    let command = |text: &str| person.commands.iter().any(|command| command.contains(text));
    assert!(command(
        "kubectl label namespace istio-ingress --overwrite istio-injection- istio.io/rev=1-30-3"
    ));
    assert!(command("rollout restart deployment/istio-ingressgateway"));
    assert!(person.why.contains("choose: accept-loss"), "{}", person.why);
}

#[test]
fn ambient_meshes_end_with_what_is_not_built() {
    for name in meshlift_snapshot::fixtures::CLUSTERS.iter().filter(|name| is_ambient(name)) {
        let (plan, _) = planned(name, &none());
        let last = plan.steps.last().unwrap();
        assert_eq!(last.stage, Stage::NotBuilt, "{name}");
        let person = last.person.as_ref().unwrap();
        assert!(!person.approval && person.why.contains("streams/canary-waypoint"), "{name}: {}", person.why);
        assert!(person.why.contains("ztunnel") && person.why.contains("istio-cni"), "{name}");
        let rolls = |step: &&meshlift_model::plan::Step| {
            matches!(step.stage, Stage::Tag | Stage::Dark | Stage::Cleanup)
        };
        assert!(!plan.steps.iter().any(|step| rolls(&step)), "{name}: {:?}", ids(&plan));
    }
    let (plan, _) = planned("ambient-canary-installed", &none());
    let moved: Vec<&str> = moves(&plan).iter().map(|(_, _, one)| one.workload.namespace.as_str()).collect();
    assert_eq!(moved, ["mixed"], "its sidecars move like any other");
}
