//! Whether an old revision may leave: only when nothing will need it any more.

use meshlift_mesh::Agreement;
use meshlift_model::names::{ObjectRef, RevisionName};

use super::{Survey, Surveyor, names, waits_because};

impl Surveyor<'_, '_> {
    /// Takes down why each old revision stays, and says so among what waits.
    pub(super) fn leaving(&self, survey: &mut Survey) {
        for revision in &self.situation.old {
            let reasons = self.reasons_to_stay(revision, survey);
            if reasons.is_empty() {
                continue;
            }
            let subject = ObjectRef::cluster("Revision", revision.as_str());
            let reason = format!("stays, and is not watched out or removed, for {}", names(&reasons));
            survey.waiting.push(waits_because(subject, reason, Vec::new()));
            survey.keeps.insert(revision.clone(), reasons);
        }
    }

    fn reasons_to_stay(&self, revision: &RevisionName, survey: &Survey) -> Vec<String> {
        let mut reasons: Vec<String> = survey.not_built.clone();
        for workload in self.situation.mesh.workloads.values() {
            let carries = workload.now.contains_key(&Some(revision.clone()));
            if carries && !self.leaves(&workload.workload, survey) {
                reasons.push(workload.workload.short());
            }
        }
        let held = survey.held.keys().filter(|name| {
            let facts = self.situation.mesh.namespaces.get(*name);
            facts.is_some_and(|facts| self.situation.resolved(&facts.follows).as_ref() == Some(revision))
        });
        reasons.extend(held.map(|name| format!("namespace {name}")));
        let moves = |name: &str| survey.tags.iter().any(|tag| tag.tag.as_str() == name);
        let tags = self.situation.mesh.tags.values().filter(|tag| tag.revision.as_ref() == Some(revision));
        let stay = tags.filter(|tag| !moves(tag.name.as_str()) && !self.is_removed(&tag.name));
        reasons.extend(stay.map(|tag| format!("tag {}", tag.name)));
        reasons.extend(self.uncertain(revision));
        reasons
    }

    /// True if a step brings the workload away, or its pods finish by themselves.
    fn leaves(&self, workload: &ObjectRef, survey: &Survey) -> bool {
        use crate::safety::needs::Need;
        let moves =
            |movers: &[crate::safety::moves::Mover]| movers.iter().any(|one| one.workload() == workload);
        let by_itself = matches!(self.need(workload), Some(Need::ByItself(_)));
        by_itself
            || survey.sites.values().any(|site| moves(&site.movers))
            || survey.bound.values().any(|bound| moves(&bound.movers))
            || survey.gateways.iter().any(|step| step.mover.workload() == workload)
    }

    /// Pods of which nobody can say what they run: unknown blocks.
    fn uncertain(&self, revision: &RevisionName) -> Vec<String> {
        let pods = self.situation.mesh.pods.values().filter(|pod| !pod.finished);
        let unsure = pods.filter(|pod| match &pod.agreement {
            Agreement::Disagree { .. } => {
                pod.revision.as_ref() != Some(revision) && pod.connected_to.as_ref() == Some(revision)
            }
            Agreement::None | Agreement::Agreed { .. } | Agreement::Unread { .. } => false,
        });
        unsure.map(|pod| format!("{}, of which it is not certain what it runs", pod.pod.short())).collect()
    }
}
