//! Gateways: injected ones move each in a step of its own; those of the Gateway API are looked up, not moved.

use meshlift_mesh::{Follows, GatewayFacts, GatewayKind, Workload};
use meshlift_model::action::Selector;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::Resource;
use meshlift_model::names::{ObjectRef, TagName};

use super::{Survey, Surveyor};
use crate::report::Fate;
use crate::safety::moves::Mover;

/// An injected gateway that moves.
#[derive(Clone, Debug)]
pub(crate) struct GatewayMove {
    pub(crate) mover: Mover,
    /// Its namespace's labels now and for the move, where this step sets them.
    pub(crate) selector: Option<(Selector, Selector)>,
    /// Tag that must have moved first, where the gateway's own template names it.
    pub(crate) tag: Option<TagName>,
    /// What else may get the new proxy by itself, once the label is set.
    pub(crate) may_move: Vec<ObjectRef>,
    /// Why a person must do it, where nobody decided what in-place replacement may cost.
    pub(crate) person: Option<String>,
    /// True if it takes traffic from outside.
    pub(crate) exposed_outside: bool,
}

impl Surveyor<'_, '_> {
    /// Takes down the gateways of one namespace; the first of them sets the label.
    pub(super) fn gateway_moves(
        &self,
        gateways: &[&Workload],
        mut selector: Option<(Selector, Selector)>,
        may_move: &[ObjectRef],
        survey: &mut Survey,
    ) {
        for (index, workload) in gateways.iter().enumerate() {
            let first = selector.is_some();
            let others = gateways.iter().skip(index + 1).map(|other| other.workload.clone());
            let beside = if first { may_move.iter().cloned().chain(others).collect() } else { Vec::new() };
            if let Some(step) = self.gateway_move(workload, selector.take(), None, beside, survey) {
                survey.gateways.push(step);
            }
        }
    }

    /// One gateway's move; absent where it does not move by a restart.
    pub(super) fn gateway_move(
        &self,
        workload: &Workload,
        selector: Option<(Selector, Selector)>,
        tag: Option<TagName>,
        may_move: Vec<ObjectRef>,
        survey: &mut Survey,
    ) -> Option<GatewayMove> {
        let mover = self.mover(workload)?;
        let exposed_outside = self.gateway_of(&workload.workload).is_some_and(|facts| facts.exposed_outside);
        let person = self.person(workload, exposed_outside);
        if let Some(why) = &person {
            survey.fates.insert(workload.workload.clone(), Fate::Waits { why: why.clone() });
        }
        Some(GatewayMove { mover, selector, tag, may_move, person, exposed_outside })
    }

    /// In-place replacement of a gateway that takes traffic from outside is never taken for lossless: a
    /// person acts, unless the intent accepts the loss.
    fn person(&self, workload: &Workload, exposed_outside: bool) -> Option<String> {
        let decides = |choice: &ChoiceKind| {
            matches!(choice, ChoiceKind::AcceptLoss | ChoiceKind::FailoverElsewhere).then_some(())
        };
        let decided = self.choices.find(&workload.workload, decides).is_some();
        if let Some(finding) = self.open_of(&workload.workload).first() {
            return Some(finding.detail.clone());
        }
        (exposed_outside && !decided).then(|| {
            "it takes traffic from outside, and replacing it in place cuts what is open: shift traffic away first"
                .to_owned()
        })
    }

    /// Facts of the gateway that a workload is.
    pub(super) fn gateway_of(&self, workload: &ObjectRef) -> Option<&GatewayFacts> {
        self.situation.mesh.gateways.iter().find(|gateway| gateway.deployment.as_ref() == Some(workload))
    }

    /// Gateway API objects that follow a tag, in words.
    pub(super) fn gateways_of_tag(&self, tag: &TagName) -> Vec<String> {
        let follows =
            |facts: &&GatewayFacts| is_managed(facts) && facts.follows == Follows::Tag { tag: tag.clone() };
        self.situation.mesh.gateways.iter().filter(follows).map(|facts| facts.gateway.short()).collect()
    }

    /// Gateway API objects of a namespace without a label of their own: the namespace's label decides.
    pub(super) fn gateways_by_namespace(&self, namespace: &str) -> Vec<String> {
        let labelled = |reference: &ObjectRef| {
            let objects = &self.situation.mesh.snapshot.objects.gateways;
            objects
                .iter()
                .any(|one| one.object_ref() == *reference && one.metadata.labels.contains_key(REV_LABEL))
        };
        let here = self.situation.mesh.gateways.iter().filter(|facts| facts.gateway.namespace == namespace);
        let bound = here.filter(|facts| is_managed(facts) && !labelled(&facts.gateway));
        bound.map(|facts| facts.gateway.short()).collect()
    }
}

/// True for what istiod's Gateway controller makes.
pub(super) fn is_managed(facts: &GatewayFacts) -> bool {
    match facts.kind {
        GatewayKind::Managed | GatewayKind::Waypoint => true,
        GatewayKind::Injected | GatewayKind::Rendered => false,
    }
}
