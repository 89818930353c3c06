//! Namespaces: which move, which are held, and what in them waits.

use meshlift_mesh::{Follows, NamespaceFacts, Role, Workload};
use meshlift_model::action::Selector;
use meshlift_model::names::ObjectRef;
use meshlift_model::plant::{Plant, is_planted};

use super::{Survey, Surveyor, names, waits, waits_because};
use crate::report::Fate;
use crate::safety::moves::Mover;
use crate::safety::needs::Need;

/// A namespace that moves.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) namespace: String,
    /// Labels now and for the move; absent where the selector resolves to the new revision already.
    pub(crate) selector: Option<(Selector, Selector)>,
    /// Workloads that move with it.
    pub(crate) movers: Vec<Mover>,
    /// Templates that prove what new pods get.
    pub(crate) templates: Vec<ObjectRef>,
    /// What may get the new proxy by itself, once the label is set.
    pub(crate) may_move: Vec<ObjectRef>,
    /// Why a person must act first, where a workload fails over elsewhere.
    pub(crate) failover: Vec<String>,
}

impl Site {
    /// Pods that it brings to the new revision.
    pub(crate) fn pods(&self) -> usize {
        self.movers.iter().map(|mover| mover.pods).sum()
    }
}

/// Workloads of one namespace, sorted by what becomes of them.
#[derive(Default)]
struct Sorted<'a> {
    ready: Vec<&'a Workload>,
    gateways: Vec<&'a Workload>,
    waiting: Vec<&'a Workload>,
    by_itself: Vec<&'a Workload>,
    /// True if any of them would be injected at all.
    injectable: bool,
}

impl<'a> Surveyor<'_, 'a> {
    pub(super) fn namespaces(&self, survey: &mut Survey) {
        for facts in self.situation.mesh.namespaces.values() {
            self.namespace(facts, survey);
        }
    }

    fn namespace(&self, facts: &'a NamespaceFacts, survey: &mut Survey) {
        let sorted = self.sort(facts);
        let reselected = super::reselected(self.situation.mesh, self.choices, &facts.name);
        let selects = self.follows_old(&facts.follows) || reselected;
        let moves = !sorted.ready.is_empty() || !sorted.gateways.is_empty() || !sorted.waiting.is_empty();
        // What is only given another name needs no step of its own here: see the relabelling.
        let gets_label = selects && sorted.injectable && !reselected;
        if !(moves || gets_label) {
            return;
        }
        let reasons = self.reasons_to_hold(facts, &sorted, selects);
        if reasons.is_empty() {
            self.wait_alone(&sorted, survey);
            self.site(facts, &sorted, selects, survey);
        } else {
            self.hold(facts, &sorted, reasons, survey);
        }
    }

    fn sort(&self, facts: &NamespaceFacts) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        for workload in self.workloads_of(&facts.name).filter(|workload| !workload.pod_bound) {
            sorted.injectable |= workload.on_restart.revision.is_some();
            let open = !self.open_of(&workload.workload).is_empty();
            match self.need(&workload.workload) {
                Some(Need::Move(_)) if workload.role == Role::InjectedGateway => {
                    sorted.gateways.push(workload)
                }
                Some(Need::Move(_)) if open => sorted.waiting.push(workload),
                Some(Need::Move(_)) => sorted.ready.push(workload),
                Some(Need::Stays(_)) => sorted.waiting.push(workload),
                Some(Need::ByItself(_)) => sorted.by_itself.push(workload),
                Some(Need::Nothing(_)) | None => {}
            }
        }
        sorted
    }

    fn reasons_to_hold(&self, facts: &NamespaceFacts, sorted: &Sorted<'_>, selects: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        let holds = self.choices.holds.get(&facts.name);
        if let Some(reason) = holds.filter(|_| !is_planted(Plant::HeldNamespaceMoved)) {
            reasons.push(format!("the intent holds it: {reason}"));
        }
        reasons.extend(self.open_in(&facts.name).iter().map(|finding| finding.title.to_string()));
        let holding = sorted.waiting.iter().filter(|workload| self.holds_namespace(&workload.workload));
        reasons.extend(holding.map(|workload| format!("{} waits", workload.workload.short())));
        if selects {
            reasons.extend(self.reasons_against_label(facts));
            if sorted.ready.is_empty() && sorted.gateways.is_empty() && !sorted.waiting.is_empty() {
                reasons.push("whatever runs in it waits".to_owned());
            }
        }
        reasons
    }

    /// Why the namespace's label must not be changed, if so.
    fn reasons_against_label(&self, facts: &NamespaceFacts) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(owner) = &facts.managed_by {
            reasons.push(format!("{owner} owns its labels and would set them back"));
        }
        let injection = facts.selector.injection.as_deref() == Some("enabled");
        if injection && matches!(facts.follows, Follows::Revision { .. }) {
            reasons.push(
                "`istio-injection=enabled` means a revision without a tag `default` here: handing that over is not \
                 built yet"
                    .to_owned(),
            );
        }
        let gateways = self.gateways_by_namespace(&facts.name);
        if !gateways.is_empty() {
            reasons
                .push(format!("its label decides Gateways, which would roll in place: {}", names(&gateways)));
        }
        reasons
    }

    /// Workloads that wait while their namespace moves.
    fn wait_alone(&self, sorted: &Sorted<'_>, survey: &mut Survey) {
        for workload in &sorted.waiting {
            self.wait(workload, &[], survey);
        }
    }

    fn wait(&self, workload: &Workload, holds: &[ObjectRef], survey: &mut Survey) {
        let open = self.open_of(&workload.workload);
        for finding in open {
            survey.waiting.push(waits(finding, holds.to_vec()));
        }
        let mut why: Vec<String> = open.iter().map(|finding| finding.detail.clone()).collect();
        if let Some(Need::Stays(stays)) = self.need(&workload.workload) {
            survey.waiting.push(waits_because(workload.workload.clone(), stays.clone(), holds.to_vec()));
            why.push(stays.clone());
        }
        survey.fates.insert(workload.workload.clone(), Fate::Waits { why: why.join("; ") });
    }

    fn hold(&self, facts: &NamespaceFacts, sorted: &Sorted<'_>, reasons: Vec<String>, survey: &mut Survey) {
        let why = format!("namespace {} is held: {}", facts.name, names(&reasons));
        let others = sorted.ready.iter().chain(&sorted.gateways).chain(&sorted.by_itself);
        let holds: Vec<ObjectRef> = others.map(|workload| workload.workload.clone()).collect();
        for workload in &holds {
            survey.fates.insert(workload.clone(), Fate::Held { why: why.clone() });
        }
        for workload in &sorted.waiting {
            self.wait(workload, &holds, survey);
        }
        let findings = self.open_in(&facts.name);
        for finding in &findings {
            survey.waiting.push(waits(finding, holds.clone()));
        }
        if sorted.waiting.is_empty() && findings.is_empty() {
            let subject = ObjectRef::cluster("Namespace", &facts.name);
            survey.waiting.push(waits_because(subject, names(&reasons), holds));
        }
        survey.held.insert(facts.name.clone(), reasons);
    }

    fn site(&self, facts: &NamespaceFacts, sorted: &Sorted<'_>, selects: bool, survey: &mut Survey) {
        let selector = selects.then(|| (facts.selector.clone(), self.new_selector()));
        let references = |workloads: &[&Workload]| -> Vec<ObjectRef> {
            workloads.iter().map(|workload| workload.workload.clone()).collect()
        };
        let movers: Vec<Mover> = sorted.ready.iter().filter_map(|workload| self.mover(workload)).collect();
        let mut may_move = references(&sorted.waiting);
        may_move.extend(references(&sorted.by_itself));
        let gateways_alone = sorted.ready.is_empty() && !sorted.gateways.is_empty();
        if gateways_alone {
            self.gateway_moves(&sorted.gateways, selector, &may_move, survey);
            return;
        }
        may_move.extend(references(&sorted.gateways));
        let templates = best_templates(&references(&sorted.ready), &references(&sorted.by_itself));
        let failover = movers.iter().filter_map(|mover| mover.failover.clone()).collect();
        self.gateway_moves(&sorted.gateways, None, &[], survey);
        if selector.is_none() && movers.is_empty() {
            return;
        }
        let may_move = if selector.is_some() { may_move } else { Vec::new() };
        let namespace = facts.name.clone();
        survey
            .sites
            .insert(namespace.clone(), Site { namespace, selector, movers, templates, may_move, failover });
    }
}

/// Templates to try: those of controllers that move, else bare pods, else what comes by itself.
fn best_templates(ready: &[ObjectRef], by_itself: &[ObjectRef]) -> Vec<ObjectRef> {
    let controllers: Vec<ObjectRef> = ready.iter().filter(|one| one.kind != "Pod").cloned().collect();
    let choices = [controllers, ready.to_vec(), by_itself.to_vec()];
    choices.into_iter().find(|choice| !choice.is_empty()).unwrap_or_default()
}
