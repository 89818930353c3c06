//! Namespace labels: each change starts where the last one ended, and leaves exactly one selector.

use std::collections::BTreeMap;

use meshlift_model::action::{ActionKind, Selector};
use meshlift_model::names::TagName;
use meshlift_model::plan::Step;

use super::Audit;
use crate::note::Note;

impl<'a> Audit<'a> {
    pub(super) fn selectors(&self, notes: &mut Vec<Note>) {
        let mut labels: BTreeMap<&str, Selector> = BTreeMap::new();
        let mut moved_tags: Vec<&TagName> = Vec::new();
        for (index, step, action) in self.actions() {
            match &action.kind {
                ActionKind::SetTag { tag, to, .. } if *to == self.plan.revision => moved_tags.push(tag),
                ActionKind::SelectRevision { namespace, from, to } => {
                    let known = self.mesh.and_then(|mesh| mesh.namespaces.get(namespace));
                    let now = labels.get(namespace.as_str()).or(known.map(|facts| &facts.selector));
                    let by_person = from.rev.as_deref() == Some(self.plan.revision.as_str())
                        && self.person_brings(index, namespace);
                    if now.is_some_and(|now| now != from) && !by_person {
                        let text = format!("step {}: {namespace} does not have {from} by then", step.id);
                        notes.push(Note::fatal("ML8404", text));
                    }
                    self.one_selector(step, namespace, from, to, notes);
                    self.means_new(step, namespace, to, &moved_tags, notes);
                    labels.insert(namespace, to.clone());
                }
                _ => {}
            }
        }
    }

    /// Exactly one selector before and after: no pod ever has two injectors, and none loses its own.
    fn one_selector(
        &self,
        step: &Step,
        namespace: &str,
        from: &Selector,
        to: &Selector,
        notes: &mut Vec<Note>,
    ) {
        let mut fatal = |text: String| notes.push(Note::fatal("ML8405", format!("step {}: {text}", step.id)));
        if from.injection.is_none() && from.rev.is_none() {
            fatal(format!("{namespace} selects nothing today, and would be injected"));
        }
        match (to.injection.as_deref(), &to.rev) {
            (Some("enabled"), None) | (None, Some(_)) => {}
            (None, None) => fatal(format!("{namespace} would select nothing")),
            (Some(_), _) => fatal(format!("{namespace} would not have exactly one selector: {to}")),
        }
    }

    /// The name that a namespace gets means the new revision by then.
    fn means_new(
        &self,
        step: &Step,
        namespace: &str,
        to: &Selector,
        moved: &[&TagName],
        notes: &mut Vec<Note>,
    ) {
        let name = to.rev.as_deref().unwrap_or("default");
        if name == self.plan.revision.as_str() || moved.iter().any(|tag| tag.as_str() == name) {
            return;
        }
        let tag =
            self.mesh.map(|mesh| mesh.tags.get(&TagName::new(name)).and_then(|tag| tag.revision.as_ref()));
        let wrong = match tag {
            // Without a mesh a tag of another plan's making cannot be told from a wrong one.
            None => false,
            Some(revision) => revision != Some(&self.plan.revision),
        };
        if wrong {
            let text = format!(
                "step {}: {namespace} gets {to}, which does not mean {} by then",
                step.id, self.plan.revision
            );
            notes.push(Note::fatal("ML8404", text));
        }
    }

    /// Labels of a namespace once everything is done.
    pub(super) fn final_selector(&self, namespace: &str) -> Option<&'a Selector> {
        let changes = self.actions().filter_map(|(_, _, action)| match &action.kind {
            ActionKind::SelectRevision { namespace: one, to, .. } if one == namespace => Some(to),
            _ => None,
        });
        let now = self.mesh.and_then(|mesh| mesh.namespaces.get(namespace)).map(|facts| &facts.selector);
        changes.last().or(now)
    }
}
