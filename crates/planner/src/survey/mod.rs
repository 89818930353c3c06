//! The survey: what moves, what waits and what is held, before anything is put in order.

mod gateways;
mod holds;
mod leaving;
mod namespaces;
mod not_built;
mod tag_bound;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::{Follows, Mesh, Role, Workload};
use meshlift_model::action::Selector;
use meshlift_model::finding::Finding;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plan::WaitingOn;

use crate::choices::{Choices, Scope, scope};
use crate::report::Fate;
use crate::safety::moves::{Mover, Movers};
use crate::safety::needs::{Need, need};
use crate::situation::Situation;
use crate::times::ready_seconds;

pub(crate) use gateways::GatewayMove;
pub(crate) use namespaces::Site;
pub(crate) use tag_bound::Bound;
pub(crate) use tags::{Relabel, TagMove};

/// What moves, what waits, what is held.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Namespaces that move, by name; those of gateways alone are not among them.
    pub(crate) sites: BTreeMap<String, Site>,
    /// Gateways that move, each in a step of its own.
    pub(crate) gateways: Vec<GatewayMove>,
    /// Workloads that their own template binds to a name, by that name.
    pub(crate) bound: BTreeMap<String, Bound>,
    /// Tags that move, `default` last.
    pub(crate) tags: Vec<TagMove>,
    /// Namespaces that only get another label.
    pub(crate) relabels: Vec<Relabel>,
    /// Held namespaces, with the reasons.
    pub(crate) held: BTreeMap<String, Vec<String>>,
    /// What waits for a person.
    pub(crate) waiting: Vec<WaitingOn>,
    /// What becomes of each workload.
    pub(crate) fates: BTreeMap<ObjectRef, Fate>,
    /// What this version cannot move yet, in words.
    pub(crate) not_built: Vec<String>,
    /// Why an old revision stays; those without an entry leave.
    pub(crate) keeps: BTreeMap<RevisionName, Vec<String>>,
    /// True if something holds everything.
    pub(crate) blocked: bool,
}

/// What the parts of the survey work with.
pub(crate) struct Surveyor<'s, 'a> {
    pub(crate) situation: &'s Situation<'a>,
    pub(crate) choices: &'s Choices<'a>,
    movers: Movers<'s, 'a>,
    needs: BTreeMap<ObjectRef, Need>,
    /// Open hazards by what they hold.
    open: BTreeMap<Scope, Vec<&'a Finding>>,
}

impl<'s, 'a> Surveyor<'s, 'a> {
    fn new(situation: &'s Situation<'a>, choices: &'s Choices<'a>) -> Self {
        let mut open: BTreeMap<Scope, Vec<&Finding>> = BTreeMap::new();
        for finding in &choices.open {
            open.entry(scope(situation.mesh, finding)).or_default().push(finding);
        }
        let needs = situation.mesh.workloads.values().map(|workload| {
            let served = !reselected(situation.mesh, choices, &workload.workload.namespace);
            (workload.workload.clone(), need(situation, workload, served || workload.pod_bound))
        });
        let movers = Movers { situation, choices, ready_seconds: ready_seconds(situation.mesh) };
        Self { situation, choices, movers, needs: needs.collect(), open }
    }

    fn need(&self, workload: &ObjectRef) -> Option<&Need> {
        self.needs.get(workload)
    }

    fn open_at(&self, scope: &Scope) -> &[&'a Finding] {
        self.open.get(scope).map_or(&[], Vec::as_slice)
    }

    fn open_of(&self, workload: &ObjectRef) -> &[&'a Finding] {
        self.open_at(&Scope::Workload(workload.clone()))
    }

    fn mover(&self, workload: &Workload) -> Option<Mover> {
        match self.need(&workload.workload)? {
            Need::Move(how) => Some(self.movers.mover(workload, *how)),
            Need::Nothing(_) | Need::ByItself(_) | Need::Stays(_) => None,
        }
    }

    /// Applications and injected gateways of a namespace.
    fn workloads_of(&self, namespace: &str) -> impl Iterator<Item = &'a Workload> {
        let mesh = self.situation.mesh;
        let names = mesh.namespaces.get(namespace).map(|facts| facts.workloads.as_slice());
        let all = names.unwrap_or_default().iter().filter_map(|name| mesh.workloads.get(name));
        all.filter(|workload| matches!(workload.role, Role::App | Role::InjectedGateway))
    }

    /// True if a name that a namespace selects by resolves to a revision to be left.
    fn follows_old(&self, follows: &Follows) -> bool {
        self.situation.resolved(follows).is_some_and(|revision| self.situation.old.contains(&revision))
    }

    /// The label that selects the new revision itself.
    fn new_selector(&self) -> Selector {
        Selector { injection: None, rev: Some(self.situation.revision.to_string()) }
    }

    /// True for tags that the intent removes.
    fn is_removed(&self, tag: &TagName) -> bool {
        self.situation.intent.remove_tags.contains(tag)
    }
}

/// True if a namespace follows a name that nothing serves, and the intent says where it goes instead.
fn reselected(mesh: &Mesh, choices: &Choices<'_>, namespace: &str) -> bool {
    let unserved = |follows: &Follows| matches!(follows, Follows::Unserved { .. });
    choices.relabels.contains_key(namespace)
        && mesh.namespaces.get(namespace).is_some_and(|facts| unserved(&facts.follows))
}

/// Surveys the mesh. `obstacles` are reasons for which nothing may begin.
pub(crate) fn survey<'a>(
    situation: &Situation<'a>,
    choices: &Choices<'a>,
    obstacles: Vec<WaitingOn>,
) -> Survey {
    let surveyor = Surveyor::new(situation, choices);
    let whole = surveyor.open_at(&Scope::Run).iter().map(|finding| waits(finding, Vec::new()));
    let (not_built, waiting) = (not_built::not_built(situation), whole.collect());
    let mut survey = Survey { not_built, waiting, ..Survey::default() };
    // What a check found already is not said twice.
    let found: BTreeSet<ObjectRef> = survey.waiting.iter().map(|one| one.subject.clone()).collect();
    survey.waiting.extend(obstacles.into_iter().filter(|one| !found.contains(&one.subject)));
    survey.blocked = !survey.waiting.is_empty();
    if survey.blocked {
        surveyor.block_all(&mut survey);
        return survey;
    }
    surveyor.namespaces(&mut survey);
    surveyor.tag_bound(&mut survey);
    surveyor.remaining_fates(&mut survey);
    surveyor.tags(&mut survey);
    surveyor.relabels(&mut survey);
    surveyor.leaving(&mut survey);
    surveyor.blocks_elsewhere(&mut survey);
    dedup(&mut survey.waiting);
    survey
}

/// A finding as something that waits, with what it holds.
pub(crate) fn waits(finding: &Finding, holds: Vec<ObjectRef>) -> WaitingOn {
    let offers: BTreeSet<&String> = finding.offers.iter().collect();
    let hold = "hold-namespace".to_owned();
    let held = !offers.is_empty() && !offers.contains(&hold);
    let offers = finding.offers.iter().cloned().chain(held.then_some(hold)).collect();
    WaitingOn {
        subject: finding.subject.clone(),
        reason: finding.detail.clone(),
        code: Some(finding.code.to_string()),
        offers,
        holds,
    }
}

/// Something that waits without a finding.
pub(crate) fn waits_because(subject: ObjectRef, reason: String, holds: Vec<ObjectRef>) -> WaitingOn {
    WaitingOn { subject, reason, code: None, offers: Vec::new(), holds }
}

/// Keeps the first of equal entries, in their order.
fn dedup(waiting: &mut Vec<WaitingOn>) {
    let mut seen = BTreeSet::new();
    waiting.retain(|one| seen.insert(one.clone()));
}

/// Names in a sentence: a few, then a count.
pub(crate) fn names<S: AsRef<str>>(all: &[S]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = all.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = all.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
