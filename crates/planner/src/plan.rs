//! From a mesh and an intent to a plan and its report.

use meshlift_checks::{assess, assess_against};
use meshlift_mesh::Mesh;
use meshlift_model::action::ActionKind;
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::intent::Intent;
use meshlift_model::manifest::Manifest;
use meshlift_model::plan::{Plan, Stage, Step, StepUndo, Untouched};

use crate::announce::announce;
use crate::choices::{Choices, decide};
use crate::digest::{intent_digest, plan_digest};
use crate::error::PlanError;
use crate::intent::validate;
use crate::note::Note;
use crate::report::{Fate, PlanningReport};
use crate::rules::{self, Draft, obstacles};
use crate::safety::settings;
use crate::situation::{ControlPlane, Situation};
use crate::survey::{Survey, survey};

/// Plans the upgrade of a mesh. `snapshot_digest` identifies what the mesh was derived from.
///
/// Pure: the same input gives the same plan, byte by byte. What waits for a person is in the plan, with its
/// reason; what makes no sense is an error.
///
/// # Errors
/// Where there is no target, the target cannot be reached, or the intent cannot be carried out.
pub fn plan(
    mesh: &Mesh,
    intent: &Intent,
    manifest: Option<&Manifest>,
    snapshot_digest: &str,
) -> Result<(Plan, PlanningReport), PlanError> {
    let assessment = match (&intent.target, manifest) {
        (Some(target), Some(manifest)) => assess_against(mesh, intent, target, Some(&manifest.schemas)),
        (target, _) => assess(mesh, intent, target.as_ref()),
    };
    let situation = Situation::of(mesh, intent, manifest, &assessment)?;
    let choices = decide(&situation)?;
    let mut notes = validate(&situation, &choices)?;
    notes.splice(0..0, choices.notes.iter().cloned());
    let survey = survey(&situation, &choices, obstacles(&situation));
    notes.extend(remarks(&situation, &choices, &survey));
    let mut draft = Draft::new(&situation, &survey);
    let stages = rules::run(&mut draft);
    let mut steps = draft.steps;
    announce(&situation, &survey, &mut steps);
    let report = report(&survey, &steps, stages, notes);
    Ok((assemble(&situation, survey, steps, &report, snapshot_digest), report))
}

/// What is odd, or was not compared.
fn remarks(situation: &Situation<'_>, choices: &Choices<'_>, survey: &Survey) -> Vec<Note> {
    let mut notes = Vec::new();
    let missing = situation.control_plane == ControlPlane::Missing;
    match situation.manifest {
        None if missing => notes.push(Note::remark(
            "ML8303",
            format!("no manifest of {} was given: what it would create was not compared", situation.target),
        )),
        Some(manifest) if missing && !settings::compared(situation, manifest) => notes.push(Note::remark(
            "ML8304",
            "the settings of the old revision were not recorded: whether the new one has the same was not compared",
        )),
        Some(_) | None => {}
    }
    for name in &situation.intent.order.canary {
        if !survey.sites.contains_key(name) {
            notes.push(Note::remark(
                "ML8305",
                format!("order.canary: nothing moves in {name}; it is no canary"),
            ));
        }
    }
    for name in choices.holds.keys().filter(|name| !survey.held.contains_key(*name)) {
        notes.push(Note::remark("ML8301", format!("hold-namespace: nothing would move in {name} anyway")));
    }
    notes
}

fn report(
    survey: &Survey,
    steps: &[Step],
    stages: Vec<crate::report::StageReport>,
    notes: Vec<Note>,
) -> PlanningReport {
    let mut workloads = survey.fates.clone();
    for step in steps {
        for action in &step.actions {
            if let ActionKind::Move(one) = &action.kind {
                workloads.insert(one.workload.clone(), Fate::Moves { step: step.id.clone() });
            }
        }
    }
    PlanningReport { stages, workloads, held: survey.held.clone(), notes }
}

fn assemble(
    situation: &Situation<'_>,
    survey: Survey,
    steps: Vec<Step>,
    report: &PlanningReport,
    snapshot_digest: &str,
) -> Plan {
    let revisions = situation.mesh.revisions.values();
    let mut from: Vec<_> = revisions.filter_map(|revision| revision.version.clone()).collect();
    from.sort();
    from.dedup();
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        digest: String::new(),
        forward_only: Vec::new(),
        from,
        target: situation.target.clone(),
        old_revisions: situation.old.iter().cloned().collect(),
        revision: situation.revision.clone(),
        traffic: "not observed".to_owned(),
        waiting: survey.waiting,
        untouched: untouched(report),
        intent: situation.intent.clone(),
        intent_digest: intent_digest(situation.intent),
        snapshot_digest: snapshot_digest.to_owned(),
        snapshot_time: situation.mesh.snapshot.newest_time(),
        manifest_digest: situation.manifest.map(|manifest| manifest.digest.clone()),
        steps,
    };
    plan.forward_only = forward_only(&plan);
    plan.digest = plan_digest(&plan);
    plan
}

/// What is not taken back, for the plan's header: whole steps, and workloads whose selector named the new revision
/// before.
fn forward_only(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if let StepUndo::ForwardOnly { why } = &step.undo {
            lines.push(format!("{}: {} ({why})", step.id, step.title));
            continue;
        }
        let stay: Vec<String> = plan.forward_only_moves(index).iter().map(ToString::to_string).collect();
        if !stay.is_empty() {
            let why = format!(
                "what selects for them names {} already: no old pod can be made again",
                plan.revision
            );
            lines.push(format!("{}: {} ({why})", step.id, stay.join(", ")));
        }
    }
    lines
}

/// Workloads that stay as they are, and why that is right.
fn untouched(report: &PlanningReport) -> Vec<Untouched> {
    let stay = report.workloads.iter().filter_map(|(workload, fate)| match fate {
        Fate::Nothing { why } | Fate::ByItself { why } => {
            Some(Untouched { subject: workload.clone(), reason: why.clone() })
        }
        Fate::Moves { .. } | Fate::Waits { .. } | Fate::Held { .. } => None,
    });
    stay.collect()
}

/// True if nothing is left to do and nothing waits.
#[must_use]
pub fn is_finished(plan: &Plan) -> bool {
    let open = plan.steps.iter().any(|step| step.stage != Stage::Preflight);
    !open && plan.waiting.is_empty()
}
