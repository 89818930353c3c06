//! Workloads whose own template names what they follow: no namespace label moves them.

use meshlift_mesh::{Follows, Role, Workload};
use meshlift_model::names::{ObjectRef, TagName};

use super::{Survey, Surveyor, waits, waits_because};
use crate::choices::Scope;
use crate::report::Fate;
use crate::safety::moves::Mover;
use crate::safety::needs::Need;

/// Workloads that follow one name by their own template.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    /// The tag, where the name is one.
    pub(crate) tag: Option<TagName>,
    /// Those that move once the name means the new revision.
    pub(crate) movers: Vec<Mover>,
    /// Those that wait: they keep the tag where it is.
    pub(crate) waiting: Vec<ObjectRef>,
    /// Those that their controller makes anew by itself.
    pub(crate) by_itself: Vec<ObjectRef>,
}

impl Surveyor<'_, '_> {
    pub(super) fn tag_bound(&self, survey: &mut Survey) {
        for workload in self.situation.mesh.workloads.values().filter(|workload| workload.pod_bound) {
            let (name, tag) = match &workload.follows {
                Follows::Tag { tag } => (tag.to_string(), Some(tag.clone())),
                Follows::Revision { revision } => (revision.to_string(), None),
                Follows::Unserved { name } => (name.clone(), None),
                Follows::Nothing => continue,
            };
            let mut bound = survey.bound.remove(&name).unwrap_or_default();
            bound.tag.clone_from(&tag);
            self.bind(workload, tag, &mut bound, survey);
            survey.bound.insert(name, bound);
        }
    }

    fn bind(&self, workload: &Workload, tag: Option<TagName>, bound: &mut Bound, survey: &mut Survey) {
        let reference = &workload.workload;
        match self.need(reference) {
            Some(Need::Move(_)) if workload.role == Role::InjectedGateway => {
                let Some(step) = self.gateway_move(workload, None, tag, Vec::new(), survey) else { return };
                match &step.person {
                    // Its tag would bring it the new proxy at any time: both stay until a person decides.
                    Some(why) => {
                        self.gateway_waits(reference, why, survey);
                        bound.waiting.push(reference.clone());
                    }
                    None => survey.gateways.push(step),
                }
            }
            Some(Need::Move(_)) => self.bind_mover(workload, bound, survey),
            Some(Need::Stays(why)) => {
                survey.waiting.push(waits_because(reference.clone(), why.clone(), Vec::new()));
                bound.waiting.push(reference.clone());
            }
            Some(Need::ByItself(_)) => bound.by_itself.push(reference.clone()),
            Some(Need::Nothing(_)) | None => {}
        }
    }

    fn gateway_waits(&self, gateway: &ObjectRef, why: &str, survey: &mut Survey) {
        let open = self.open_of(gateway);
        survey.waiting.extend(open.iter().map(|finding| waits(finding, Vec::new())));
        if open.is_empty() {
            survey.waiting.push(waits_because(gateway.clone(), why.to_owned(), Vec::new()));
        }
    }

    fn bind_mover(&self, workload: &Workload, bound: &mut Bound, survey: &mut Survey) {
        let reference = &workload.workload;
        let namespace = reference.namespace.as_str();
        let of_namespace = self.open_at(&Scope::Namespace(namespace.to_owned()));
        let open: Vec<_> = self.open_of(reference).iter().chain(of_namespace).copied().collect();
        let held = self.choices.holds.get(namespace);
        if let Some(reason) = held {
            let subject = ObjectRef::cluster("Namespace", namespace);
            let reason = format!("the intent holds it: {reason}");
            survey.waiting.push(waits_because(subject, reason, vec![reference.clone()]));
        }
        for finding in &open {
            survey.waiting.push(waits(finding, Vec::new()));
        }
        if open.is_empty() && held.is_none() {
            bound.movers.extend(self.mover(workload));
            return;
        }
        let why = open.first().map_or("the intent holds its namespace".to_owned(), |one| one.detail.clone());
        survey.fates.insert(reference.clone(), Fate::Waits { why });
        bound.waiting.push(reference.clone());
    }
}
