//! What is held, and what becomes of the workloads that nothing else spoke of.

use meshlift_model::finding::{Consequence, Finding, Severity};
use meshlift_model::names::ObjectRef;

use super::{Survey, Surveyor, waits};
use crate::choices::Scope;
use crate::report::Fate;
use crate::safety::needs::Need;

impl Surveyor<'_, '_> {
    /// Everything waits: says so of each workload that would move.
    pub(super) fn block_all(&self, survey: &mut Survey) {
        for (workload, need) in &self.needs {
            let why = || "the whole run waits".to_owned();
            survey.fates.insert(workload.clone(), fate(need).unwrap_or_else(|| Fate::Held { why: why() }));
        }
        for finding in self.choices.open.iter().filter(|finding| finding.severity == Severity::Block) {
            survey.waiting.push(waits(finding, Vec::new()));
        }
        super::dedup(&mut survey.waiting);
    }

    /// Fates of workloads that need nothing, or go with their controller.
    pub(super) fn remaining_fates(&self, survey: &mut Survey) {
        for (workload, need) in &self.needs {
            if survey.fates.contains_key(workload) {
                continue;
            }
            if let Some(fate) = fate(need) {
                survey.fates.insert(workload.clone(), fate);
            }
        }
    }

    /// Blocks that hold nothing which moves are said all the same.
    pub(super) fn blocks_elsewhere(&self, survey: &mut Survey) {
        for finding in self.choices.open.iter().filter(|finding| finding.severity == Severity::Block) {
            let said = |code: &Option<String>| code.as_deref() == Some(finding.code.as_str());
            let known = survey.waiting.iter().any(|one| one.subject == finding.subject && said(&one.code));
            if !known {
                survey.waiting.push(waits(finding, Vec::new()));
            }
        }
    }

    /// Open hazards that hold a whole namespace.
    pub(super) fn open_in(&self, namespace: &str) -> Vec<&Finding> {
        self.open_at(&Scope::Namespace(namespace.to_owned())).to_vec()
    }

    /// True if a workload that waits holds its whole namespace: that matters most, a block finding says so, or the
    /// workload is one that must not get a new proxy by itself.
    pub(super) fn holds_namespace(&self, workload: &ObjectRef) -> bool {
        let blocks = |finding: &&&Finding| {
            finding.consequence == Consequence::Gap || finding.severity == Severity::Block
        };
        let blocked = self.open_of(workload).iter().any(|finding| blocks(&finding));
        let rules = self.situation.mesh.workloads.get(workload).map(|facts| &facts.rules);
        let on_delete = rules == Some(&meshlift_mesh::RolloutRules::OnDelete);
        let critical = self.situation.critical.contains(workload.namespace.as_str());
        critical || blocked || on_delete || workload.kind == "StatefulSet"
    }
}

fn fate(need: &Need) -> Option<Fate> {
    match need {
        Need::Nothing(why) => Some(Fate::Nothing { why: why.clone() }),
        Need::ByItself(why) => Some(Fate::ByItself { why: why.clone() }),
        Need::Stays(why) => Some(Fate::Waits { why: why.clone() }),
        Need::Move(_) => None,
    }
}
