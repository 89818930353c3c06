//! The twin behind the ports: effects go in, outcomes come back a few virtual milliseconds later.

mod changes;
mod defaulted;
mod export;
mod install;
mod new_pod;
mod queries;
mod tags;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use meshlift_model::effect::{Effect, EffectId, Failure, Outcome};
use meshlift_model::journal::{Input, InputEvent};
use meshlift_model::manifest::Manifest;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::{PortError, WorldPort};

use crate::admission::{Review, Webhooks};
use crate::cluster::Config;
use crate::error::ApiError;
use crate::istiod::Istiods;
use crate::seed::Seed;
use crate::traffic::{Corner, CornerTimings};
use crate::twin::Twin;
use crate::witness::{What, Witness};

/// Author of what comes through the port, in the log of changes.
pub const PORT: &str = "meshlift";
/// From handing an effect over to its being in effect and answered, in milliseconds: assumption.
const EFFECT_MILLIS: (i64, i64) = (5, 50);
/// Between two looks at something that takes a while, in milliseconds.
const LOOK_MILLIS: i64 = 250;

/// How a twin is set up.
#[derive(Clone, Debug)]
pub struct TwinOptions {
    /// The one seed.
    pub seed: u64,
    /// What a snapshot cannot tell.
    pub corner: Corner,
    /// What an installer would apply; without it nothing can be installed.
    pub manifest: Option<Manifest>,
}

/// A simulated mesh that a run can act on. A copy goes on by itself, in the same way.
pub struct TwinWorld {
    twin: Twin,
    /// What it was loaded from, without its objects.
    source: Snapshot,
    manifest: Option<Manifest>,
    seed: Seed,
    began: Time,
    /// Effects under way, by the time at which they are looked at, and who hears what came of them.
    pending: BTreeMap<(Time, u64), (Caller, Work)>,
    submitted: u64,
    reviews: Rc<RefCell<Vec<Review>>>,
    /// The last shared snapshot, and how far the log was then.
    mirror: Option<(usize, Arc<Snapshot>)>,
    witness: Witness,
}

/// Who hears the outcome of an effect.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// The process at the port, under this number.
    Connected(EffectId),
    /// Nobody: the process that gave it this number is gone.
    Gone(EffectId),
}

impl Caller {
    fn effect(self) -> EffectId {
        match self {
            Self::Connected(effect) | Self::Gone(effect) => effect,
        }
    }
}

/// An effect under way.
#[derive(Clone, Debug)]
enum Work {
    /// Not begun yet.
    Begin(Box<Effect>),
    /// A bare pod that goes before it is created anew.
    Recreate(changes::Recreation),
}

/// What became of an effect when it was looked at.
enum Progress {
    /// It is through.
    Done(Outcome),
    /// It is looked at again later.
    Later(Work),
}

impl Clone for TwinWorld {
    fn clone(&self) -> Self {
        let reviews = Rc::new(RefCell::new(self.reviews()));
        let mut twin = self.twin.clone();
        // A copy's reviews are its own.
        twin.cluster.set_admission(Box::new(Webhooks::telling(Rc::clone(&reviews))));
        Self {
            twin,
            source: self.source.clone(),
            manifest: self.manifest.clone(),
            seed: self.seed,
            began: self.began,
            pending: self.pending.clone(),
            submitted: self.submitted,
            reviews,
            mirror: None,
            witness: self.witness.fork(),
        }
    }
}

impl std::fmt::Debug for TwinWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwinWorld")
            .field("twin", &self.twin)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl TwinWorld {
    /// A world that starts as the snapshot says, at its newest timestamp.
    #[must_use]
    pub fn load(snapshot: &Snapshot, options: TwinOptions) -> Self {
        let TwinOptions { seed, corner, manifest } = options;
        let reviews = Rc::new(RefCell::new(Vec::new()));
        let slice = corner.slice_millis();
        let config = Config { endpoint_lag_millis: (slice, slice), ..Config::new(seed) };
        let admission = Box::new(Webhooks::telling(Rc::clone(&reviews)));
        let timings = Box::new(CornerTimings::new(corner, seed));
        let mut twin = Twin::load(snapshot, config, admission, timings);
        twin.add_actor(Box::new(Istiods::load(snapshot, corner)));
        let source = Snapshot {
            kubernetes_version: snapshot.kubernetes_version.clone(),
            outlines: snapshot.outlines.clone(),
            sources: snapshot.sources.clone(),
            istiods: snapshot.istiods.clone(),
            problems: snapshot.problems.clone(),
            ..Snapshot::default()
        };
        let seed = Seed::new(seed).child("world");
        let began = twin.now();
        let (pending, submitted, witness) = (BTreeMap::new(), 0, Witness::default());
        let mirror = None;
        let world =
            Self { twin, source, manifest, seed, began, pending, submitted, reviews, mirror, witness };
        world.mark();
        world
    }

    /// The cluster behind it.
    #[must_use]
    pub fn twin(&self) -> &Twin {
        &self.twin
    }

    /// The cluster behind it, for whoever plays another person or a fault.
    pub fn twin_mut(&mut self) -> &mut Twin {
        &mut self.twin
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Time {
        self.began
    }

    /// What the webhooks did to every pod that was to be created, in order.
    #[must_use]
    pub fn reviews(&self) -> Vec<Review> {
        self.reviews.borrow().clone()
    }

    /// The process at the port is gone, a new one comes. Writes that the API server has go on without anybody
    /// to hear of them. Questions are forgotten, and so is what the process itself would have done next.
    pub fn reconnect(&mut self) {
        self.pending.retain(|_, (caller, work)| {
            *caller = Caller::Gone(caller.effect());
            matches!(work, Work::Begin(effect) if matches!(**effect, Effect::Write(_)))
        });
    }

    /// The record of what passes through the port; whoever keeps the journal tells it of each line.
    #[must_use]
    pub fn witness(&self) -> Witness {
        self.witness.clone()
    }

    fn mark(&self) {
        self.witness.stands_at(self.twin.now(), self.twin.cluster.store.changes().len());
    }

    fn istiods(&self) -> Option<&Istiods> {
        self.twin.actor::<Istiods>()
    }

    fn enqueue(&mut self, at: Time, caller: Caller, work: Work) {
        self.submitted += 1;
        self.pending.insert((at, self.submitted), (caller, work));
    }

    fn look(&mut self, caller: Caller, work: Work) -> Option<Input> {
        let first = self.twin.cluster.store.changes().len();
        self.twin.cluster.store.set_author(PORT);
        let progress = match work {
            Work::Begin(effect) => match *effect {
                Effect::Read(query) => Progress::Done(self.answer(&query)),
                Effect::Write(write) => self.begin(write),
            },
            Work::Recreate(recreation) => self.go_on(recreation),
        };
        self.twin.cluster.store.set_author("");
        let at = self.twin.now();
        let done = matches!(progress, Progress::Done(Outcome::Done { .. } | Outcome::Observed { .. }));
        let changes = first..self.twin.cluster.store.changes().len();
        self.mark();
        self.witness.note(What::Acted { effect: caller.effect(), changes, done });
        match (progress, caller) {
            (Progress::Done(outcome), Caller::Connected(effect)) => {
                Some(Input { at, event: InputEvent::Outcome { effect, outcome } })
            }
            (Progress::Later(work), Caller::Connected(_)) => {
                self.enqueue(at.plus_millis(LOOK_MILLIS), caller, work);
                None
            }
            (Progress::Done(_) | Progress::Later(_), Caller::Gone(_)) => None,
        }
    }
}

impl WorldPort for TwinWorld {
    fn now(&self) -> Time {
        self.twin.now()
    }

    fn submit(&mut self, effect_id: EffectId, effect: &Effect) {
        let (low, high) = EFFECT_MILLIS;
        let delay = self.seed.child("effect").nth(self.submitted).between(low, high);
        let caller = Caller::Connected(effect_id);
        self.mark();
        self.witness.note(What::Submitted { effect: effect_id, asked: Rc::new(effect.clone()) });
        self.enqueue(self.twin.now().plus_millis(delay), caller, Work::Begin(Box::new(effect.clone())));
    }

    fn next(&mut self, until: Option<Time>) -> Input {
        loop {
            let due = self.pending.first_key_value().map(|(key, _)| *key);
            match (due, until) {
                (Some(key), until) if until.is_none_or(|until| key.0 <= until) => {
                    self.twin.run_until(key.0);
                    let Some((caller, work)) = self.pending.remove(&key) else { continue };
                    if let Some(input) = self.look(caller, work) {
                        return input;
                    }
                }
                (_, until) => {
                    self.twin.run_until(until.unwrap_or_else(|| self.twin.now()));
                    self.mark();
                    return Input { at: self.twin.now(), event: InputEvent::Tick };
                }
            }
        }
    }

    fn snapshot(&mut self) -> Result<Snapshot, PortError> {
        self.mark();
        self.witness.note(What::ReadAll);
        Ok(self.export())
    }

    fn shared_snapshot(&mut self) -> Result<Arc<Snapshot>, PortError> {
        self.mark();
        self.witness.note(What::ReadAll);
        Ok(self.export_shared())
    }
}

/// How a refusal of the API server reaches a run.
fn failure(error: ApiError) -> Failure {
    let message = error.to_string();
    match error {
        ApiError::NotFound(_) => Failure::NotFound { message },
        ApiError::Conflict { .. } | ApiError::AlreadyExists(_) => Failure::Conflict { message },
        ApiError::DisruptionBudget { .. } => Failure::Budget { message },
        ApiError::Forbidden { .. } | ApiError::Rejected { .. } | ApiError::Invalid { .. } => {
            Failure::Refused { message }
        }
    }
}

fn failed(error: ApiError) -> Outcome {
    Outcome::Failed { failure: failure(error) }
}

fn done() -> Outcome {
    Outcome::Done { stored: Vec::new() }
}
