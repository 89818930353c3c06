//! Checkers: they read what happened on the twin, and nothing else, and say what was worse than announced.
//!
//! They share no code with engine, planner, checks or mesh, so that a mistake there cannot hide here. What was
//! announced comes in as data ([`Announced`]), what happened as [`Evidence`]: the log of changes, connections,
//! reviews of the webhooks, journal lines and effects, and measured loss. One file per law; each goes through all
//! of it once, in order. What cannot be told from the evidence (the world behind a twin without a journal) is not
//! judged.

mod announced;
mod course;
mod coverage;
mod floors;
mod gates;
mod injection;
mod journal;
mod limits;
mod loss;
mod managed_gateways;
mod preconditions;
mod removal;
mod selectors;
mod shadow;
mod skew;
mod truth;
mod undone;

use std::collections::BTreeMap;

use meshlift_model::effect::EffectId;
use meshlift_model::k8s::PodDisruptionBudget;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use crate::admission::Review;
use crate::istiod::{Istiods, LinkEvent};
use crate::store::{Change, ChangeKind};
use crate::traffic::Traffic;
use crate::witness::{Passed, What};
use crate::world::{PORT, TwinWorld};

pub use announced::{Announced, AnnouncedLimits, Cover};
use shadow::Shadow;

/// What happened.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// When the twin was loaded: what stands in the log up to then by nobody is how things were.
    pub began: Time,
    /// The whole log, loaded objects included.
    pub changes: &'a [Change],
    /// Connections that began or ended, in order.
    pub link_events: &'a [LinkEvent],
    /// Proxies that are connected at the end, and the revision of their istiod.
    pub connected: BTreeMap<ObjectRef, RevisionName>,
    /// What the webhooks did, in order.
    pub reviews: &'a [Review],
    /// Journal lines and effects, in order.
    pub passed: Vec<Passed>,
    /// Requests lost in the best corner, by workload.
    pub lost: BTreeMap<ObjectRef, f64>,
}

impl<'a> Evidence<'a> {
    /// What happened in a world; `reviews` are [`TwinWorld::reviews`], `traffic` what was measured of it in the
    /// best corner (absent in any other: only there a loss is a violation).
    #[must_use]
    pub fn of_world(world: &'a TwinWorld, reviews: &'a [Review], traffic: Option<&Traffic>) -> Self {
        let istiods = world.twin().actor::<Istiods>();
        let links = istiods.into_iter().flat_map(|istiods| istiods.links());
        let workloads = traffic.into_iter().flat_map(|traffic| &traffic.workloads);
        Self {
            began: world.began(),
            changes: world.twin().cluster.store.changes(),
            link_events: istiods.map(Istiods::events).unwrap_or_default(),
            connected: links.map(|(pod, link)| (pod.clone(), link.revision.clone())).collect(),
            reviews,
            passed: world.witness().passed(),
            lost: workloads
                .map(|(workload, figures)| (workload.clone(), figures.loss.requests_lost()))
                .collect(),
        }
    }

    /// True for what was there when the twin was loaded.
    fn is_loaded(&self, change: &Change) -> bool {
        change.at <= self.began && change.by.is_empty()
    }

    /// Connections at the beginning: whose first event is an end, and who has none and is connected at the end.
    fn connected_at_start(&self) -> BTreeMap<ObjectRef, RevisionName> {
        let mut first: BTreeMap<&ObjectRef, &LinkEvent> = BTreeMap::new();
        for event in self.link_events {
            first.entry(&event.pod).or_insert(event);
        }
        let quiet = self.connected.iter().filter(|(pod, _)| !first.contains_key(pod));
        let ended = first.iter().filter(|(_, event)| !event.connected);
        quiet
            .map(|(pod, revision)| (pod.clone(), revision.clone()))
            .chain(ended.map(|(pod, event)| ((*pod).clone(), event.revision.clone())))
            .collect()
    }
}

/// One law, watched over the log.
trait Checker {
    /// A change; `now` is how things are after it.
    fn change(&mut self, _change: &Change, _now: &Shadow) {}

    /// A connection began or ended; `now` is how things are then.
    fn link(&mut self, _event: &LinkEvent, _now: &Shadow) {}

    /// A journal line or an effect; `now` is how things are then.
    fn passed(&mut self, _passed: &Passed, _now: &Shadow) {}

    /// What it found.
    fn found(self: Box<Self>) -> Vec<Violation>;
}

/// What was worse than announced, in order of time, law and subject.
#[must_use]
pub fn violations(evidence: &Evidence<'_>, announced: &Announced) -> Vec<Violation> {
    let links = evidence.connected_at_start();
    let checkers: Vec<Box<dyn Checker + '_>> = vec![
        Box::new(coverage::Coverage::new(announced)),
        Box::new(preconditions::Preconditions::new(announced)),
        Box::new(journal::Journal::default()),
        Box::new(undone::Undone::new(announced)),
        Box::new(injection::Injection::new(evidence)),
        Box::new(selectors::Selectors::default()),
        Box::new(removal::Removal::default()),
        Box::new(floors::Floors::new(announced)),
        Box::new(skew::Skew::new(&links)),
        Box::new(limits::Limits::new(announced)),
        Box::new(gates::Gates::new(announced)),
        Box::new(managed_gateways::ManagedGateways::default()),
        Box::new(loss::Loss::new(&evidence.lost, announced, evidence.began)),
    ];
    let causes = causes(&evidence.passed);
    let mut walk = Walk { checkers, now: Shadow::new(links.clone()) };
    let mut events = evidence.link_events.iter().peekable();
    let mut passed = evidence.passed.iter().peekable();
    for (index, change) in evidence.changes.iter().enumerate() {
        while let Some(one) = passed.next_if(|one| one.position <= index) {
            while let Some(event) = events.next_if(|event| event.at <= one.at) {
                walk.link(event);
            }
            walk.passed(one);
        }
        while let Some(event) = events.next_if(|event| event.at < change.at) {
            walk.link(event);
        }
        walk.now.cause = causes.get(&index).copied();
        walk.now.take(change, index, evidence.is_loaded(change));
        walk.checkers.iter_mut().for_each(|checker| checker.change(change, &walk.now));
    }
    for one in passed {
        while let Some(event) = events.next_if(|event| event.at <= one.at) {
            walk.link(event);
        }
        walk.passed(one);
    }
    events.for_each(|event| walk.link(event));
    let mut found: Vec<Violation> = walk.checkers.into_iter().flat_map(Checker::found).collect();
    found.sort_by(|a, b| (a.at, &a.law, &a.subject, &a.detail).cmp(&(b.at, &b.law, &b.subject, &b.detail)));
    found
}

struct Walk<'a> {
    checkers: Vec<Box<dyn Checker + 'a>>,
    now: Shadow,
}

impl Walk<'_> {
    fn link(&mut self, event: &LinkEvent) {
        self.now.link(event);
        self.checkers.iter_mut().for_each(|checker| checker.link(event, &self.now));
    }

    fn passed(&mut self, passed: &Passed) {
        self.now.at = passed.at;
        self.now.course.take(passed);
        self.checkers.iter_mut().for_each(|checker| checker.passed(passed, &self.now));
    }
}

/// The effect behind each change that an effect made, by its place in the log.
fn causes(passed: &[Passed]) -> BTreeMap<usize, EffectId> {
    let acts = passed.iter().filter_map(|one| match &one.what {
        What::Acted { effect, changes, .. } => Some((*effect, changes.clone())),
        What::Appended(_) | What::Submitted { .. } | What::ReadAll => None,
    });
    acts.flat_map(|(effect, changes)| changes.map(move |index| (index, effect))).collect()
}

fn violation(law: &str, at: Time, subject: ObjectRef, detail: String) -> Violation {
    Violation { law: law.to_owned(), at, subject, detail }
}

/// True for a change that meshlift wrote itself, after the load.
fn is_ours(change: &Change, now: &Shadow) -> bool {
    change.by == PORT && !now.is_loading
}

/// True for what the API server writes into a budget's status when a pod is evicted: whoever evicts does not
/// write it.
fn counts_eviction(change: &Change) -> bool {
    match (change.before::<PodDisruptionBudget>(), change.of::<PodDisruptionBudget>()) {
        (Some(before), Some(after)) => change.kind == ChangeKind::Modified && before.spec == after.spec,
        _ => false,
    }
}

/// Where things happen that belong to no object: a step of the plan.
fn step_ref(step: &str) -> ObjectRef {
    ObjectRef::cluster("Step", step)
}

/// Most names in a sentence.
const NAMED_MAX: usize = 3;

/// The first few of many names.
fn few(names: &[String]) -> String {
    let named = names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
