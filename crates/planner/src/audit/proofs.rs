//! Proofs: gates, preconditions and undo of every step.

use std::collections::BTreeSet;

use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Stage, Step, StepUndo};

use super::{Audit, moves};
use crate::note::Note;

impl Audit<'_> {
    pub(super) fn proofs(&self, notes: &mut Vec<Note>) {
        for step in &self.plan.steps {
            self.gates(step, notes);
            proven_first(step, notes);
            self.undo(step, notes);
            for action in &step.actions {
                let missing = missing_precondition(action);
                let text = |what| {
                    format!(
                        "step {}: {} of {} does not ask {what}",
                        step.id,
                        action.kind.verb(),
                        action.kind.subject()
                    )
                };
                notes.extend(missing.map(|what| Note::fatal("ML8413", text(what))));
            }
        }
        self.removal(notes);
    }

    fn gates(&self, step: &Step, notes: &mut Vec<Note>) {
        let mut fatal = |what: String| {
            notes.push(Note::fatal("ML8407", format!("step {} has no gate for {what}", step.id)))
        };
        if !step.actions.is_empty() && !step.gates.contains(&Gate::NoNewFindings) {
            fatal("new findings".to_owned());
        }
        let covered = covered(step);
        for (_, one) in moves(step).filter(|(_, one)| !covered.contains(&one.workload)) {
            fatal(format!("the pods of {}", one.workload));
        }
        let installs = step.stage == Stage::ControlPlane;
        if (installs || step.stage == Stage::Crds) && !step.gates.contains(&Gate::NothingMoved) {
            fatal("pods that move".to_owned());
        }
        let healthy = |gate: &Gate| matches!(gate, Gate::RevisionHealthy { revision, .. } if *revision == self.plan.revision);
        if installs && !step.gates.iter().any(healthy) {
            fatal("the new revision".to_owned());
        }
        let dark = step.stage == Stage::Dark;
        if dark && !step.gates.iter().any(|gate| matches!(gate, Gate::NoConsumers { .. })) {
            fatal("what still needs the old revision".to_owned());
        }
    }

    fn undo(&self, step: &Step, notes: &mut Vec<Note>) {
        let mut fatal = |text: String| notes.push(Note::fatal("ML8408", format!("step {} {text}", step.id)));
        let crds = step.actions.iter().any(|action| matches!(action.kind, ActionKind::ApplyCrds { .. }));
        match &step.undo {
            StepUndo::ForwardOnly { .. } => {
                let said =
                    self.plan.forward_only.iter().any(|line| line.starts_with(&format!("{}:", step.id)));
                if !said {
                    fatal("cannot be undone, and the plan's header does not say so".to_owned());
                }
            }
            StepUndo::Inverse { .. } if crds => fatal("applies CRDs, which nothing takes back".to_owned()),
            StepUndo::NotNeeded if !step.actions.is_empty() => {
                fatal("changes something and has no undo".to_owned())
            }
            StepUndo::Inverse { .. } | StepUndo::NotNeeded => {}
        }
    }

    /// Nothing is removed without a window, a dark istiod, and a last look.
    fn removal(&self, notes: &mut Vec<Note>) {
        let has = |stage| self.plan.steps.iter().any(|step| step.stage == stage);
        for (_, step, action) in self.actions() {
            let ActionKind::RemoveRevision { revision, .. } = &action.kind else { continue };
            let runs =
                self.mesh.and_then(|mesh| mesh.revisions.get(revision)).is_none_or(|one| one.replicas > 0);
            for (stage, needed) in [(Stage::Observe, true), (Stage::Dark, runs)] {
                if needed && !has(stage) {
                    let text =
                        format!("step {} removes {revision} without the stage {stage:?} before it", step.id);
                    notes.push(Note::fatal("ML8409", text));
                }
            }
            if *revision == self.plan.revision {
                notes.push(Note::fatal("ML8409", format!("step {} removes the new revision", step.id)));
            }
        }
    }
}

/// Workloads whose pods a gate of the step looks at.
fn covered(step: &Step) -> BTreeSet<&ObjectRef> {
    let gates = step.gates.iter().filter_map(|gate| match gate {
        Gate::PodsOnRevision { workloads, .. } => Some(workloads),
        Gate::RevisionHealthy { .. }
        | Gate::NothingMoved
        | Gate::NoNewFindings
        | Gate::Injects { .. }
        | Gate::NoConsumers { .. }
        | Gate::NoFollowers { .. } => None,
    });
    gates.flatten().collect()
}

/// A label is set before it is proven, and proven before anything in its namespace moves.
fn proven_first(step: &Step, notes: &mut Vec<Note>) {
    let proofs: Vec<(u32, &str)> = step
        .actions
        .iter()
        .filter_map(|action| match &action.kind {
            ActionKind::ProveInjection { namespace, .. } => Some((action.phase, namespace.as_str())),
            _ => None,
        })
        .collect();
    for (phase, one) in moves(step) {
        let namespace = one.workload.namespace.as_str();
        if !proofs.iter().any(|(proof, of)| *of == namespace && *proof < phase) {
            let text =
                format!("step {}: {} moves without a proof of what it would get", step.id, one.workload);
            notes.push(Note::fatal("ML8406", text));
        }
    }
    for action in &step.actions {
        let ActionKind::SelectRevision { namespace, .. } = &action.kind else { continue };
        if proofs.iter().any(|(proof, of)| of == namespace && *proof <= action.phase) {
            notes.push(Note::fatal(
                "ML8406",
                format!("step {}: {namespace} is proven before its label", step.id),
            ));
        }
    }
}

/// What an action does not ask and should.
fn missing_precondition(action: &Action) -> Option<&'static str> {
    let has = |wanted: &dyn Fn(&Precondition) -> bool| action.preconditions.iter().any(wanted);
    let ready = has(&|one| matches!(one, Precondition::RevisionReady { .. }));
    match &action.kind {
        ActionKind::ApplyCrds { .. } | ActionKind::ProveInjection { .. } => None,
        ActionKind::InstallRevision { creates, .. } => {
            let installs = creates.iter().any(|object| object.kind == "Deployment");
            (installs && !has(&|one| matches!(one, Precondition::Absent { .. })))
                .then_some("whether its istiod is there")
        }
        ActionKind::SelectRevision { namespace, from, .. } => {
            let same = |one: &Precondition| matches!(one, Precondition::SelectorIs { namespace: of, selector } if of == namespace && selector == from);
            (!has(&same) || !ready).then_some("for the labels and a ready istiod")
        }
        ActionKind::Move(one) => {
            let exists = |precondition: &Precondition| matches!(precondition, Precondition::Exists { object, uid: Some(_) } if *object == one.workload);
            (!has(&exists) || !ready).then_some("for the same object and a ready istiod")
        }
        ActionKind::SetTag { tag, from, .. } => {
            let same = |one: &Precondition| matches!(one, Precondition::TagIs { tag: of, revision } if of == tag && revision == from);
            (!has(&same) || !ready).then_some("where the tag points and for a ready istiod")
        }
        ActionKind::RemoveTag { .. } => {
            (!has(&|one| matches!(one, Precondition::NoFollowers { .. }))).then_some("who follows it")
        }
        ActionKind::Scale { .. } | ActionKind::RemoveRevision { .. } => {
            (!has(&|one| matches!(one, Precondition::NoConsumers { .. }))).then_some("who needs the revision")
        }
    }
}
