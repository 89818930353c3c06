//! Checkers: they read what happened on the twin, and nothing else, and say what was worse than announced.
//!
//! They share no code with engine, planner, checks or mesh, so that a mistake there cannot hide here. What was
//! announced comes in as data ([`Announced`]), what happened as [`Evidence`]: the log of changes, connections,
//! reviews of the webhooks, and measured loss. One file per law; each goes through the log once, in order.

mod announced;
mod coverage;
mod floors;
mod injection;
mod loss;
mod removal;
mod shadow;
mod skew;

use std::collections::BTreeMap;

use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use crate::admission::Review;
use crate::istiod::{Istiods, LinkEvent};
use crate::store::Change;
use crate::traffic::Traffic;
use crate::world::{PORT, TwinWorld};

pub use announced::Announced;
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
    fn change(&mut self, change: &Change, now: &Shadow);

    /// A connection began or ended; `now` is how things are then.
    fn link(&mut self, _event: &LinkEvent, _now: &Shadow) {}

    /// What it found.
    fn found(self: Box<Self>) -> Vec<Violation>;
}

/// What was worse than announced, in order of time, law and subject.
#[must_use]
pub fn violations(evidence: &Evidence<'_>, announced: &Announced) -> Vec<Violation> {
    let mut checkers: Vec<Box<dyn Checker + '_>> = vec![
        Box::new(injection::Injection::new(evidence)),
        Box::new(removal::Removal::default()),
        Box::new(floors::Floors::new(&announced.floors)),
        Box::new(skew::Skew::default()),
        Box::new(coverage::Coverage::new(announced)),
        Box::new(loss::Loss::new(&evidence.lost, announced, evidence.began)),
    ];
    let mut now = Shadow::new(evidence.connected_at_start());
    let mut events = evidence.link_events.iter().peekable();
    for change in evidence.changes {
        while let Some(event) = events.next_if(|event| event.at < change.at) {
            now.link(event);
            checkers.iter_mut().for_each(|checker| checker.link(event, &now));
        }
        now.take(change, evidence.is_loaded(change));
        checkers.iter_mut().for_each(|checker| checker.change(change, &now));
    }
    for event in events {
        now.link(event);
        checkers.iter_mut().for_each(|checker| checker.link(event, &now));
    }
    let mut found: Vec<Violation> = checkers.into_iter().flat_map(Checker::found).collect();
    found.sort_by(|a, b| (a.at, &a.law, &a.subject, &a.detail).cmp(&(b.at, &b.law, &b.subject, &b.detail)));
    found
}

fn violation(law: &str, at: Time, subject: ObjectRef, detail: String) -> Violation {
    Violation { law: law.to_owned(), at, subject, detail }
}

/// True for a change that meshlift wrote itself, after the load.
fn is_ours(change: &Change, now: &Shadow) -> bool {
    change.by == PORT && !now.is_loading
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
