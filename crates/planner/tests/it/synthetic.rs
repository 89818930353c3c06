//! Recorded meshes with one thing changed.

use meshlift_mesh::Mesh;
use meshlift_model::k8s::{MutatingWebhookConfiguration, Resource};
use meshlift_model::plan::Stage;
use meshlift_model::snapshot::Snapshot;
use meshlift_planner::{Fate, audit, is_fatal};

use crate::common::*;

fn label(snapshot: &mut Snapshot, namespace: &str, rev: &str) {
    let all = &mut snapshot.objects.namespaces;
    let found = all.iter_mut().find(|one| one.metadata.name == namespace).unwrap();
    found.metadata.labels.remove("istio-injection");
    found.metadata.labels.insert("istio.io/rev".to_owned(), rev.to_owned());
}

fn sound(mesh: &Mesh, plan: &meshlift_model::plan::Plan) {
    let notes = audit(plan, Some(mesh));
    assert!(!is_fatal(&notes), "{notes:#?}");
}

#[test]
fn a_half_installed_revision_is_reported_and_not_reused() {
    let mesh = changed("canary-installed", |snapshot| {
        let keep =
            |one: &MutatingWebhookConfiguration| one.object_ref().name != "istio-sidecar-injector-1-30-3";
        snapshot.objects.mutating_webhooks.retain(keep);
    });
    let (plan, _) = plan_of(&mesh, &demo()).unwrap();
    assert!(plan.steps.is_empty(), "{:?}", ids(&plan));
    let one = plan.waiting.iter().find(|one| one.subject == object("Revision/1-30-3")).unwrap();
    assert!(one.reason.contains("lacks"), "{}", one.reason);
    assert_eq!(waiting(&plan).iter().filter(|one| *one == "Revision/1-30-3").count(), 1);
}

#[test]
fn a_complete_revision_of_the_target_is_the_new_one_whatever_its_name() {
    let snapshot = &mesh("canary-installed").snapshot;
    let renaming = meshlift_testkit::Renaming::new(snapshot, 5, &[]);
    let mesh = Mesh::derive(std::sync::Arc::new(renaming.snapshot(snapshot)));
    let (plan, _) = plan_of(&mesh, &none()).unwrap();
    assert_ne!(plan.revision.as_str(), "1-30-3");
    assert_eq!(plan.revision.as_str(), renaming.name("1-30-3"));
    assert!(!ids(&plan).contains(&"control-plane"));
}

#[test]
fn a_render_that_changes_what_is_shared_blocks() {
    let mesh = changed("before", |snapshot| {
        let old = snapshot.objects.services.iter().find(|one| one.metadata.name == "istiod-1-29-6").unwrap();
        let mut service = old.clone();
        service.metadata.name = "istiod-1-30-3".to_owned();
        service.spec.selector.insert("app".to_owned(), "something-else".to_owned());
        snapshot.objects.services.push(service);
    });
    let (plan, _) = plan_of(&mesh, &demo()).unwrap();
    assert!(plan.steps.is_empty(), "{:?}", ids(&plan));
    assert!(plan.waiting.iter().any(|one| one.reason.contains("would change what is there already")));
}

#[test]
fn other_settings_than_the_old_ones_block() {
    let mesh = changed("before", |snapshot| {
        let maps = &mut snapshot.objects.config_maps;
        let values = maps.iter_mut().find(|one| one.metadata.name == "values-1-29-6").unwrap();
        let original = values.data.get_mut("original-values").unwrap();
        *original = original.replace("\"accessLogFile\": \"\"", "\"accessLogFile\": \"/dev/stdout\"");
    });
    let (plan, _) = plan_of(&mesh, &demo()).unwrap();
    let said = plan.waiting.iter().find(|one| one.reason.contains("meshConfig.accessLogFile"));
    assert!(said.is_some() && plan.steps.is_empty(), "{:?}", plan.waiting);
}

#[test]
fn a_tag_waits_for_what_its_own_template_binds_to_it() {
    let mesh = changed("before", |snapshot| {
        let all = &mut snapshot.objects.deployments;
        let edi = all.iter_mut().find(|one| one.metadata.name == "edi").unwrap();
        edi.spec.strategy.type_ = "Recreate".to_owned();
    });
    let (plan, _) = plan_of(&mesh, &demo()).unwrap();
    sound(&mesh, &plan);
    assert!(!ids(&plan).contains(&"tag-prod-stable"));
    assert!(waiting(&plan).contains(&"Deployment/partner/edi".to_owned()), "{:?}", waiting(&plan));
    assert!(waiting(&plan).contains(&"RevisionTag/prod-stable".to_owned()));
    assert!(ids(&plan).contains(&"tag-default") && !ids(&plan).contains(&"dark"));
}

#[test]
fn a_namespace_of_cron_jobs_alone_gets_its_label() {
    let mesh = changed("before", |snapshot| {
        let objects = &mut snapshot.objects;
        objects.deployments.retain(|one| one.metadata.namespace != "batch");
        objects.pods.retain(|one| one.metadata.namespace != "batch");
    });
    let mut intent = demo();
    intent.choices.retain(|choice| choice.subject.namespace != "batch");
    let (plan, report) = plan_of(&mesh, &intent).unwrap();
    sound(&mesh, &plan);
    let wave = plan.steps.iter().find(|step| step.title.contains("batch")).unwrap();
    assert!(wave.may_move.contains(&object("CronJob/batch/settle")));
    assert!(matches!(report.workloads[&object("CronJob/batch/settle")], Fate::ByItself { .. }));
    assert!(plan.waiting.is_empty());
}

#[test]
fn an_empty_namespace_that_names_the_old_revision_is_relabelled() {
    let mesh = changed("before", |snapshot| label(snapshot, "default", "1-29-6"));
    let (plan, _) = plan_of(&mesh, &demo()).unwrap();
    sound(&mesh, &plan);
    let relabel = step(&plan, "relabel");
    assert_eq!(relabel.actions.len(), 1);
    assert_eq!(relabel.actions[0].kind.subject(), object("Namespace/default"));
}

#[test]
fn a_rollout_of_somebody_else_is_not_disturbed() {
    let mesh = changed("before", |snapshot| {
        let all = &mut snapshot.objects.deployments;
        let bff = all.iter_mut().find(|one| one.metadata.name == "bff").unwrap();
        bff.status.updated_replicas = 1;
    });
    let (plan, report) = plan_of(&mesh, &demo()).unwrap();
    sound(&mesh, &plan);
    let fate = &report.workloads[&object("Deployment/web/bff")];
    assert!(matches!(fate, Fate::Waits { why } if why.contains("rollout")), "{fate:?}");
    assert!(!plan.steps.iter().any(|step| matches!(step.stage, Stage::Observe | Stage::Cleanup)));
}

#[test]
fn labels_that_somebody_else_owns_are_left_to_their_owner() {
    let mesh = changed("before", |snapshot| {
        let all = &mut snapshot.objects.namespaces;
        let catalog = all.iter_mut().find(|one| one.metadata.name == "catalog").unwrap();
        let id = "catalog:v1/Namespace:/catalog".to_owned();
        catalog.metadata.annotations.insert("argocd.argoproj.io/tracking-id".to_owned(), id);
    });
    let (plan, report) = plan_of(&mesh, &demo()).unwrap();
    sound(&mesh, &plan);
    assert!(report.held["catalog"][0].contains("owns its labels"), "{:?}", report.held);
    assert!(waiting(&plan).contains(&"RevisionTag/default".to_owned()));
}

#[test]
fn without_a_manifest_the_plan_says_what_nobody_compared() {
    let (plan, report) = meshlift_planner::plan(mesh("before"), &demo(), None, "before").unwrap();
    assert_eq!(report.notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["ML8303"]);
    assert_eq!(plan.manifest_digest, None);
    assert_eq!(ids(&plan), ids(&planned("before", &demo()).0));
}

#[test]
fn an_empty_snapshot_is_refused() {
    let empty = Mesh::derive(std::sync::Arc::new(Snapshot::default()));
    assert_eq!(plan_of(&empty, &none()).unwrap_err().code(), "ML8102");
}
