//! Steps: named once, after what they need, in the order of the stages.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::plan::{Stage, Step};

use super::{Audit, moves};
use crate::note::Note;
use crate::rules::before;

impl Audit<'_> {
    pub(super) fn order(&self, notes: &mut Vec<Note>) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for step in &self.plan.steps {
            for need in step.needs.iter().filter(|need| !seen.contains(need.as_str())) {
                notes.push(Note::fatal(
                    "ML8401",
                    format!("step {} needs {need}, which is not before it", step.id),
                ));
            }
            if !seen.insert(&step.id) {
                notes.push(Note::fatal("ML8401", format!("two steps are called {}", step.id)));
            }
        }
        self.stages(notes);
        self.window_needs_all(notes);
        self.moved_once(notes);
        self.not_built(notes);
    }

    fn stages(&self, notes: &mut Vec<Note>) {
        let steps = &self.plan.steps;
        for (index, step) in steps.iter().enumerate() {
            let earlier = before(step.stage);
            let late = steps.iter().skip(index + 1).filter(|later| earlier.contains(&later.stage));
            notes.extend(
                late.map(|late| Note::fatal("ML8402", format!("step {} comes after {}", late.id, step.id))),
            );
        }
    }

    /// The engine goes on with steps that do not need what waits: the window needs everything before it.
    fn window_needs_all(&self, notes: &mut Vec<Note>) {
        let steps: BTreeMap<&str, &Step> =
            self.plan.steps.iter().map(|step| (step.id.as_str(), step)).collect();
        for (index, step) in self.plan.steps.iter().enumerate() {
            if !matches!(step.stage, Stage::Observe | Stage::Dark | Stage::Cleanup) {
                continue;
            }
            let needed = closure(&steps, step);
            let missing =
                self.plan.steps.iter().take(index).filter(|earlier| !needed.contains(earlier.id.as_str()));
            for one in missing {
                notes.push(Note::fatal("ML8401", format!("step {} does not need {}", step.id, one.id)));
            }
        }
    }

    fn moved_once(&self, notes: &mut Vec<Note>) {
        let mut seen = BTreeSet::new();
        for step in &self.plan.steps {
            for (_, one) in moves(step) {
                if !seen.insert(&one.workload) {
                    notes.push(Note::fatal("ML8415", format!("{} moves twice", one.workload)));
                }
            }
        }
    }

    fn not_built(&self, notes: &mut Vec<Note>) {
        let Some(index) = self.plan.steps.iter().position(|step| step.stage == Stage::NotBuilt) else {
            return;
        };
        if index + 1 != self.plan.steps.len() {
            notes.push(Note::fatal("ML8418", "what is not built yet is not the last step"));
        }
        let waits = self.plan.steps.get(index).and_then(|step| step.person.as_ref());
        if waits.is_none_or(|person| person.approval) {
            notes.push(Note::fatal("ML8418", "what is not built yet does not wait for a person"));
        }
        let removes = |step: &&Step| matches!(step.stage, Stage::Observe | Stage::Dark | Stage::Cleanup);
        for step in self.plan.steps.iter().filter(removes) {
            let text = format!("step {} takes the old revision away from what is not built yet", step.id);
            notes.push(Note::fatal("ML8418", text));
        }
    }
}

/// All steps that a step needs, directly or not.
fn closure<'a>(steps: &BTreeMap<&'a str, &'a Step>, step: &'a Step) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    let mut next: Vec<&str> = step.needs.iter().map(String::as_str).collect();
    while let Some(id) = next.pop() {
        if all.insert(id) {
            next.extend(steps.get(id).into_iter().flat_map(|step| step.needs.iter().map(String::as_str)));
        }
    }
    all
}
