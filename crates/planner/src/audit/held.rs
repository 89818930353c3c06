//! What waits is not touched: neither it nor what is held with it.

use meshlift_model::action::ActionKind;
use meshlift_model::names::ObjectRef;

use super::{Audit, moves};
use crate::note::Note;

impl Audit<'_> {
    pub(super) fn held(&self, notes: &mut Vec<Note>) {
        for waiting in &self.plan.waiting {
            self.not_touched(&waiting.subject, notes);
            for held in &waiting.holds {
                self.not_touched(held, notes);
                self.namespace_stays(held, notes);
            }
            self.may_move(&waiting.subject, notes);
        }
    }

    fn not_touched(&self, subject: &ObjectRef, notes: &mut Vec<Note>) {
        for (_, step, action) in self.actions() {
            let mut touched = action.kind.subject() == *subject;
            // The proof changes nothing, the revision to move to is the subject of its own installation.
            touched &= !matches!(action.kind, ActionKind::ProveInjection { .. });
            if touched {
                let text = format!("step {}: {} of {subject}, which waits", step.id, action.kind.verb());
                notes.push(Note::fatal("ML8414", text));
            }
        }
    }

    /// A workload that is held with another keeps its namespace's label, unless its own template decides.
    fn namespace_stays(&self, held: &ObjectRef, notes: &mut Vec<Note>) {
        let bound = self.mesh.and_then(|mesh| mesh.workloads.get(held)).is_some_and(|one| one.pod_bound);
        if held.namespace.is_empty() || bound {
            return;
        }
        for (_, step, action) in self.actions() {
            let selects = matches!(&action.kind, ActionKind::SelectRevision { namespace, .. } if *namespace == held.namespace);
            if selects {
                let text = format!(
                    "step {}: the label of {} changes, where {held} is held",
                    step.id, held.namespace
                );
                notes.push(Note::fatal("ML8414", text));
            }
        }
    }

    /// A workload that waits in a namespace that moves is named in the step: its pods may move by themselves.
    fn may_move(&self, subject: &ObjectRef, notes: &mut Vec<Note>) {
        let Some(mesh) = self.mesh else { return };
        let Some(workload) = mesh.workloads.get(subject) else { return };
        if workload.pod_bound {
            return;
        }
        for step in &self.plan.steps {
            let sets = step.actions.iter().any(|action| match &action.kind {
                ActionKind::SelectRevision { namespace, to, .. } => {
                    *namespace == subject.namespace && to.rev.as_deref() == Some(self.plan.revision.as_str())
                }
                _ => false,
            });
            let named =
                step.may_move.contains(subject) || moves(step).any(|(_, one)| one.workload == *subject);
            if sets && !named {
                let text = format!(
                    "step {} does not say that the pods of {subject} may move by themselves",
                    step.id
                );
                notes.push(Note::fatal("ML8414", text));
            }
        }
    }
}
