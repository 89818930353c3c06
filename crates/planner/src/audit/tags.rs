//! Tags: each moves after whatever follows it, `default` last, and goes only when nothing follows it.

use meshlift_mesh::{Follows, Mesh, NamespaceFacts};
use meshlift_model::action::ActionKind;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plan::Step;

use super::{Audit, moves};
use crate::note::Note;

impl Audit<'_> {
    pub(super) fn tags(&self, notes: &mut Vec<Note>) {
        let mut default_at = None;
        for (index, step, action) in self.actions() {
            match &action.kind {
                ActionKind::SetTag { tag, from, .. } => {
                    if let Some(default) = default_at {
                        notes.push(Note::fatal(
                            "ML8403",
                            format!("tag {tag} moves after `default` ({default})"),
                        ));
                    }
                    if tag.as_str() == "default" {
                        default_at = Some(&step.id);
                    }
                    if let Some(mesh) = self.mesh {
                        self.followers_first(mesh, index, tag, from.as_ref(), notes);
                    }
                }
                ActionKind::RemoveTag { tag, .. } => self.unfollowed(tag, notes),
                _ => {}
            }
        }
    }

    fn followers_first(
        &self,
        mesh: &Mesh,
        index: usize,
        tag: &TagName,
        from: Option<&RevisionName>,
        notes: &mut Vec<Note>,
    ) {
        let mut fatal =
            |who: String| notes.push(Note::fatal("ML8403", format!("tag {tag} moves before {who}")));
        let follows = Follows::Tag { tag: tag.clone() };
        for facts in mesh.namespaces.values().filter(|facts| facts.follows == follows) {
            if injectable(mesh, facts) && !self.is_brought_over(index, &facts.name) {
                fatal(format!("namespace {}", facts.name));
            }
        }
        let gateways =
            mesh.gateways.iter().filter(|one| one.follows == follows && one.gateway.kind == "Gateway");
        gateways.for_each(|one| fatal(format!("Gateway {}, which it rolls in place", one.gateway.short())));
        for workload in mesh.workloads.values().filter(|one| one.pod_bound && one.follows == follows) {
            let stays = workload.now.keys().flatten().any(|revision| Some(revision) == from);
            if stays && !self.moves_after(index, &workload.workload) {
                fatal(format!("{}, which no later step moves", workload.workload));
            }
        }
    }

    /// True if an earlier step (or a person in an earlier step) points the namespace at the new revision.
    fn is_brought_over(&self, index: usize, namespace: &str) -> bool {
        let selects = |step: &Step| {
            step.actions.iter().any(|action| match &action.kind {
                ActionKind::SelectRevision { namespace: one, .. } => one == namespace,
                _ => false,
            })
        };
        self.plan.steps.iter().take(index).any(selects) || self.person_brings(index, namespace)
    }

    /// True if a person sets the namespace's label in an earlier step: the commands of a step without actions say so.
    pub(super) fn person_brings(&self, index: usize, namespace: &str) -> bool {
        let label = format!("label namespace {namespace} ");
        self.plan.steps.iter().take(index).any(|step| {
            let person = step.person.as_ref().filter(|person| !person.approval && step.actions.is_empty());
            person.is_some_and(|person| person.commands.iter().any(|command| command.contains(&label)))
        })
    }

    fn moves_after(&self, index: usize, workload: &ObjectRef) -> bool {
        self.plan.steps.iter().skip(index).any(|step| moves(step).any(|(_, one)| one.workload == *workload))
    }

    fn unfollowed(&self, tag: &TagName, notes: &mut Vec<Note>) {
        let Some(mesh) = self.mesh else { return };
        for facts in mesh.namespaces.values() {
            let last = self.final_selector(&facts.name);
            let changed = last.is_some_and(|last| *last != facts.selector);
            let follows = if changed {
                last.and_then(|last| last.rev.as_deref()) == Some(tag.as_str())
            } else {
                facts.follows == Follows::Tag { tag: tag.clone() }
            };
            if follows {
                let text = format!("tag {tag} is removed while namespace {} follows it", facts.name);
                notes.push(Note::fatal("ML8409", text));
            }
        }
    }
}

/// True if anything in the namespace would be injected by its label.
fn injectable(mesh: &Mesh, facts: &NamespaceFacts) -> bool {
    let workloads = facts.workloads.iter().filter_map(|name| mesh.workloads.get(name));
    workloads.filter(|one| !one.pod_bound).any(|one| one.on_restart.revision.is_some())
}
