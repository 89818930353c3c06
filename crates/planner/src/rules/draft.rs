//! The plan while it grows.

use std::collections::BTreeSet;

use meshlift_model::action::Action;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Layer, Stage, Step, StepUndo};

use crate::situation::Situation;
use crate::survey::Survey;

/// Situation, survey, and the steps so far.
pub(crate) struct Draft<'p, 'a> {
    pub(crate) situation: &'p Situation<'a>,
    pub(crate) survey: &'p Survey,
    pub(crate) steps: Vec<Step>,
    /// The last step that later ones wait for.
    spine: Option<String>,
    /// Steps that wait for a person: later ones need them only where they concern the same objects.
    aside: Vec<Aside>,
    /// Waves so far.
    pub(crate) waves: usize,
}

/// A step that waits for a person, and the namespaces that it brings over.
struct Aside {
    step: String,
    namespaces: BTreeSet<String>,
}

impl<'p, 'a> Draft<'p, 'a> {
    pub(crate) fn new(situation: &'p Situation<'a>, survey: &'p Survey) -> Self {
        Self { situation, survey, steps: Vec::new(), spine: None, aside: Vec::new(), waves: 0 }
    }

    /// A step that needs whatever came before; the caller fills in what is its own.
    pub(crate) fn step(&self, id: impl Into<String>, stage: Stage, layer: Layer, title: String) -> Step {
        Step {
            id: id.into(),
            stage,
            layer,
            title,
            reason: String::new(),
            needs: self.spine.clone().into_iter().collect(),
            person: None,
            actions: Vec::new(),
            gates: vec![Gate::NoNewFindings],
            bake_seconds: 0,
            approve_after: false,
            undo: StepUndo::NotNeeded,
            undo_seconds: 0,
            expected_seconds: 0,
            pods: 0,
            surge_pods: 0,
            floors: Vec::new(),
            may_move: Vec::new(),
            announces: Vec::new(),
        }
    }

    /// Adds a step that the next ones need.
    pub(crate) fn push(&mut self, step: Step) {
        self.spine = Some(step.id.clone());
        self.steps.push(step);
    }

    /// Adds a step that waits for a person; only what concerns its namespaces needs it.
    pub(crate) fn push_aside(&mut self, step: Step, namespaces: BTreeSet<String>) {
        self.aside.push(Aside { step: step.id.clone(), namespaces });
        self.steps.push(step);
    }

    /// Steps aside that bring these namespaces over.
    pub(crate) fn aside_of<'n>(&self, mut namespaces: impl Iterator<Item = &'n String>) -> Vec<String> {
        let wanted: BTreeSet<&String> = namespaces.by_ref().collect();
        let concerned =
            self.aside.iter().filter(|one| one.namespaces.iter().any(|name| wanted.contains(name)));
        concerned.map(|one| one.step.clone()).collect()
    }

    /// Makes a step wait for everything before it, also for what waits for a person.
    pub(crate) fn need_all(&self, step: &mut Step) {
        let aside = self.aside.iter().map(|one| one.step.clone());
        let missing: Vec<String> = aside.filter(|id| !step.needs.contains(id)).collect();
        step.needs.extend(missing);
    }

    /// Old revisions that nothing will need any more.
    pub(crate) fn leaving(&self) -> Vec<&'a meshlift_mesh::Revision> {
        let revisions = self.situation.mesh.revisions.values();
        let leaves = |name| self.situation.old.contains(name) && !self.survey.keeps.contains_key(name);
        revisions.filter(|revision| leaves(&revision.name)).collect()
    }
}

/// Workloads that a step's actions move.
pub(crate) fn moved(actions: &[Action]) -> Vec<ObjectRef> {
    use meshlift_model::action::ActionKind;
    let moves = actions.iter().filter(|action| matches!(action.kind, ActionKind::Move(_)));
    moves.map(|action| action.kind.subject()).collect()
}

/// `1 pod`, `2 pods`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
