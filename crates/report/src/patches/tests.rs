//! Patches of recorded meshes, and of ones that were changed a little.

use std::path::{Component, Path};
use std::sync::Arc;

use meshlift_checks::assess;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{
    Deployment, ExecAction, IntOrString, Lifecycle, LifecycleHandler, Namespace, PodDisruptionBudget,
    ResourceQuota, Service,
};
use meshlift_model::snapshot::Snapshot;
use meshlift_testkit::edit::{object, with_specs};

use super::*;

/// Patches of the recording before its upgrade, for findings with one of these codes; with none, for all.
fn of(codes: &[&str], change: impl FnOnce(&mut Snapshot)) -> Patches {
    let mut snapshot = meshlift_snapshot::fixtures::cluster("before").unwrap();
    change(&mut snapshot);
    let mesh = Mesh::derive(Arc::new(snapshot));
    let assessment = assess(&mesh, &Intent::default(), None);
    let asked = |finding: &&Finding| codes.is_empty() || codes.contains(&finding.code.as_str());
    let findings: Vec<&Finding> = assessment.findings.iter().filter(asked).collect();
    patches(&mesh, &assessment, &findings)
}

fn text<'a>(patches: &'a Patches, path: &str) -> Option<&'a str> {
    patches.files.iter().find(|patch| patch.path == path).map(|patch| patch.text.as_str())
}

/// What the index says of a finding.
fn row<'a>(patches: &'a Patches, of: &str) -> &'a str {
    let rows: Vec<&str> = patches.index.text.lines().filter(|line| line.starts_with(of)).collect();
    assert_eq!(rows.len(), 1, "{of} {rows:?}");
    rows[0]
}

#[test]
fn each_patch_and_the_index_say_how_it_is_applied() {
    let two_selectors = |snapshot: &mut Snapshot| {
        let labels = &mut object::<Namespace>(snapshot, "web").metadata.labels;
        for (key, value) in [("istio-injection", "enabled"), ("istio.io/rev", "prod")] {
            labels.insert(key.to_owned(), value.to_owned());
        }
    };
    let patches = of(&[], two_selectors);
    assert!(patches.files.len() > 20);
    for Patch { path, text } in &patches.files {
        let how = text.lines().filter(|line| line.starts_with('#') && line.contains("`kubectl patch "));
        assert_eq!(how.count(), 1, "{path}: {text}");
        assert!(text.contains(&format!(" --patch-file {path}`")), "{path}: {text}");
        assert!(text.contains("never `kubectl apply -f`") && is_patch(text), "{path}: {text}");
    }
    let command = |path: &str, command: &str| {
        let text = text(&patches, path).unwrap();
        assert!(text.contains(&format!("`kubectl patch {command} --patch-file {path}`")), "{text}");
    };
    command("checkout/deployment-tax.yaml", "deployments.apps tax -n checkout");
    command("cluster/namespace-web.yaml", "namespaces web");
    command("quota-tight/resourcequota-pods.yaml", "resourcequotas pods -n quota-tight");
    let head = patches.index.text.split("| code |").next().unwrap();
    assert!(head.contains("`kubectl patch ") && head.contains("ever `kubectl apply -f`"), "{head}");
}

#[test]
fn a_deployment_that_keeps_no_pod_gets_a_second_one_only_if_two_may_run_together() {
    let only_if = "# only if two versions of it may run side by side\n";
    let budget = |snapshot: &mut Snapshot| {
        let selector = object::<Deployment>(snapshot, "checkout/tax").spec.selector.clone();
        let mut budget = PodDisruptionBudget::default();
        (budget.metadata.namespace, budget.metadata.name) = ("checkout".into(), "tax".into());
        (budget.spec.min_available, budget.spec.selector) = (Some(IntOrString::Int(1)), Some(selector));
        snapshot.objects.disruption_budgets.push(budget);
    };
    for (code, path) in [
        ("ML1001", "search/deployment-indexer.yaml"),
        ("ML1002", "checkout/deployment-tax.yaml"),
        ("ML1020", "checkout/deployment-tax.yaml"),
    ] {
        let patches = of(&[code], budget);
        assert!(text(&patches, path).unwrap().contains(only_if), "{code}");
    }
    // Where more pods run, two versions are there in every rollout.
    let patches = of(&["ML1042"], |_| {});
    assert!(!patches.files.is_empty());
    assert!(patches.files.iter().all(|patch| !patch.text.contains(only_if)), "{:?}", patches.files);
}

const BFF: &str = "web/deployment-bff.yaml";
const BFF_ROW: &str = "| ML1040 | Deployment/web/bff |";

#[test]
fn a_hook_is_not_written_beside_another_one() {
    assert!(text(&of(&["ML1040"], |_| {}), BFF).unwrap().contains("preStop"));
    let patches = of(&["ML1040"], |snapshot| {
        with_specs(snapshot, "web/bff", |_, spec| {
            let exec = ExecAction { command: vec!["/bin/leave".to_owned()] };
            let pre_stop = LifecycleHandler { exec: Some(exec), ..LifecycleHandler::default() };
            for container in spec.containers.iter_mut().filter(|one| one.name != "istio-proxy") {
                container.lifecycle =
                    Some(Box::new(Lifecycle { pre_stop: Some(pre_stop.clone()), ..Lifecycle::default() }));
            }
        });
    });
    assert_eq!(text(&patches, BFF), None);
    let row = row(&patches, BFF_ROW);
    assert!(row.contains("no patch: its container ") && row.contains(" has a preStop hook"), "{row}");
}

#[test]
fn a_sleep_is_written_for_a_kubernetes_that_knows_it() {
    let on = |version: Option<&str>| {
        of(&["ML1040"], |snapshot| snapshot.kubernetes_version = version.map(ToOwned::to_owned))
    };
    for version in ["v1.29.9-gke.100", "v1.28.0", "1.29+"] {
        let patches = on(Some(version));
        assert_eq!(text(&patches, BFF), None, "{version}");
        let row = row(&patches, BFF_ROW);
        assert!(row.contains(version) && row.contains("needs Kubernetes 1.30"), "{row}");
    }
    for version in ["v1.30.0", "v1.34.4"] {
        let patches = on(Some(version));
        assert!(!text(&patches, BFF).unwrap().contains("needs Kubernetes"), "{version}");
    }
    for version in [None, Some("soon")] {
        let patches = on(version);
        let text = text(&patches, BFF).unwrap();
        assert!(text.contains("# only if Kubernetes is 1.30 or newer"), "{text}");
    }
}

#[test]
fn names_never_lead_out_of_the_folder() {
    const EVIL: [&str; 10] = ["../../evil", "..", ".", "", "/", "a/b", "a\\b", "a\nb: c", "a b", "-a"];
    let mesh = Mesh::derive(Arc::new(meshlift_snapshot::fixtures::cluster("before").unwrap()));
    let assessment = assess(&mesh, &Intent::default(), None);
    let one = assessment.findings.iter().find(|finding| finding.code == "ML1002").unwrap();
    let at = |subject: ObjectRef| Finding { subject, ..one.clone() };
    let mut findings = vec![at(ObjectRef::new("Deployment", "web", "bff"))];
    for name in EVIL {
        findings.push(at(ObjectRef::new("Deployment", name, "bff")));
        findings.push(at(ObjectRef::new("Deployment", "web", name)));
        let namespace = ObjectRef::cluster("Namespace", name);
        findings.push(Finding { code: "ML2001".into(), ..at(namespace) });
    }
    findings.push(Finding { code: "ML2001".into(), ..at(ObjectRef::new("Namespace", "..", "web")) });
    let all: Vec<&Finding> = findings.iter().collect();
    let patches = patches(&mesh, &assessment, &all);
    let paths: Vec<&str> = patches.files.iter().map(|patch| patch.path.as_str()).collect();
    assert_eq!(paths, [BFF]);
    let rows: Vec<&str> = patches.index.text.lines().filter(|line| line.starts_with("| ML")).collect();
    assert_eq!(rows.len(), findings.len(), "each has one line: {rows:?}");
    let refused = "| no patch: its namespace or its name is none that Kubernetes takes |";
    assert!(rows[1..].iter().all(|row| row.ends_with(refused)), "{rows:?}");
}

#[test]
fn a_snapshot_of_others_writes_into_its_folder_alone() {
    let patches = of(&[], |snapshot| {
        snapshot.objects.for_each_meta(|meta| {
            if meta.namespace == "checkout" {
                meta.namespace = "../../evil".into();
            }
        });
        object::<Namespace>(snapshot, "checkout").metadata.name = "../../evil".into();
        object::<ResourceQuota>(snapshot, "quota-tight/pods").metadata.name = "../../pods".into();
    });
    assert!(!patches.files.is_empty());
    for Patch { path, .. } in &patches.files {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        assert!(Path::new(path).components().all(plain), "{path}");
    }
    let row = row(&patches, "| ML1002 | Deployment/../../evil/tax |");
    assert!(row.contains("no patch: its namespace or its name"), "{row}");
}

#[test]
fn a_grace_is_never_shortened() {
    let short = of(&["ML1004"], |snapshot| {
        with_specs(snapshot, "web/bff", |_, spec| spec.termination_grace_period_seconds = Some(0));
    });
    assert!(text(&short, BFF).unwrap().contains("terminationGracePeriodSeconds: 30\n"));
    // The proxy of this one ends before its load balancer knows, however long the grace is.
    let long = of(&["ML1004"], |snapshot| {
        object::<Service>(snapshot, "ledger-classic/books").spec.type_ = "LoadBalancer".into();
        with_specs(snapshot, "ledger-classic/books", |_, spec| {
            spec.termination_grace_period_seconds = Some(60);
        });
    });
    assert!(row(&long, "| ML1004 | Deployment/ledger-classic/books |").contains("no patch: "), "{long:?}");
}
