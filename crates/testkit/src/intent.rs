//! Intents under new names.

use meshlift_model::intent::{Choice, ChoiceKind, Intent};
use meshlift_model::names::TagName;

use crate::rename::Renaming;

impl Renaming {
    /// The intent for the renamed mesh.
    #[must_use]
    pub fn intent(&self, intent: &Intent) -> Intent {
        let mut renamed = intent.clone();
        for list in [&mut renamed.order.canary, &mut renamed.order.first, &mut renamed.order.last] {
            list.iter_mut().for_each(|name| *name = self.namespace(name));
        }
        renamed.moves = intent.moves.iter().map(|(name, by)| (self.namespace(name), *by)).collect();
        renamed.remove_tags =
            intent.remove_tags.iter().map(|tag| TagName::new(self.name(tag.as_str()))).collect();
        renamed.slo_critical.namespaces.iter_mut().for_each(|name| *name = self.namespace(name));
        renamed.choices = intent.choices.iter().map(|choice| self.choice(choice)).collect();
        renamed
    }

    fn choice(&self, choice: &Choice) -> Choice {
        let mut renamed = choice.clone();
        renamed.subject = self.object_ref(&choice.subject);
        if let ChoiceKind::RelabelNamespace(name) = &choice.choose {
            renamed.choose = ChoiceKind::RelabelNamespace(self.name(name));
        }
        renamed
    }
}
