//! A live cluster behind the ports: effects go in, each runs by itself, outcomes come back as they arrive.

mod apply;
mod call;
mod conflict;
mod dry_run;
mod failure;
mod fence;
mod hold;
mod injector;
mod istiods;
mod lists;
mod moment;
mod owners;
mod places;
mod queries;
mod restore;
mod writes;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use meshlift_model::effect::{Effect, EffectId, Failure, Outcome};
use meshlift_model::journal::{Command, Input, InputEvent};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::{PortError, WorldPort};
use serde_json::Value;

use crate::clock;
use crate::connection::Connection;
use call::Calls;
use fence::Fence;
use istiods::Istiods;
pub use restore::fresh;

/// With nothing under way, a tick comes after so many seconds at the latest: whoever drives may look around.
const IDLE_SECONDS_MAX: u64 = 60;

/// What an installer would apply, whole.
#[derive(Clone, Debug)]
pub struct Installable {
    /// As meshlift reads it.
    pub manifest: Manifest,
    /// Its objects with all their fields, in order.
    pub documents: Vec<Value>,
}

/// Reads the whole mesh.
pub type Reader = Box<dyn FnMut() -> Result<Snapshot, PortError> + Send>;

/// What a live world is made of.
pub struct LiveOptions {
    /// What an installer would apply; without it nothing can be installed.
    pub installable: Option<Installable>,
    /// Reads the whole mesh, for checks.
    pub reader: Reader,
    /// The run that is carried out.
    pub run: Actor,
}

/// On whose behalf a world acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Name of the run.
    pub run: String,
    /// Namespace in which runs are kept, and whose annotation holds them all.
    pub namespace: String,
    /// What this process calls itself in the run's journal; absent where no other process could execute the run.
    pub executor: Option<String>,
}

/// The objects of a tag that points at the revision, as they would be written now.
///
/// # Errors
/// Where the revision's own objects are not there, or cannot be read.
pub fn tag_documents(
    connection: &Connection,
    tag: &TagName,
    revision: &RevisionName,
) -> Result<Vec<Value>, Failure> {
    let calls = Calls::new(connection.client().clone());
    connection.wait(async {
        let reading = apply::of_tags(&calls).await?;
        apply::tag_documents(&reading, tag, revision)
    })
}

/// A live cluster that a run can act on.
pub struct LiveWorld {
    connection: Connection,
    hands: Arc<Hands>,
    reader: Reader,
    sender: Sender<Arrival>,
    arrivals: Receiver<Arrival>,
    /// Effects whose outcome has not arrived.
    under_way: usize,
    /// Gone once nobody can send commands any more.
    commanders: Weak<()>,
}

/// What comes back.
enum Arrival {
    Outcome(EffectId, Outcome),
    Command(Command),
}

/// The way for persons' commands into a running world.
#[derive(Clone)]
pub struct Commands {
    sender: Sender<Arrival>,
    _alive: Arc<()>,
}

impl Commands {
    /// Hands a command over; it arrives before anything that happens later. False if the world is gone.
    pub fn send(&self, command: Command) -> bool {
        self.sender.send(Arrival::Command(command)).is_ok()
    }
}

/// Everything that an effect needs while it runs.
pub(crate) struct Hands {
    calls: Calls,
    istiods: Istiods,
    installable: Option<Installable>,
    run: Actor,
}

impl std::fmt::Debug for LiveWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveWorld").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl LiveWorld {
    /// The cluster behind a connection.
    #[must_use]
    pub fn new(connection: Connection, options: LiveOptions) -> Self {
        let fence = Fence::of(&options.run);
        let calls = Calls::new(connection.client().clone()).behind(fence);
        let istiods = Istiods::new(calls.clone(), connection.way());
        let hands = Arc::new(Hands { calls, istiods, installable: options.installable, run: options.run });
        let (sender, arrivals) = channel();
        let (under_way, commanders) = (0, Weak::new());
        Self { connection, hands, reader: options.reader, sender, arrivals, under_way, commanders }
    }

    /// A way for commands into this world. As long as one is held, the world waits for commands too.
    pub fn commands(&mut self) -> Commands {
        let alive = self.commanders.upgrade().unwrap_or_default();
        self.commanders = Arc::downgrade(&alive);
        Commands { sender: self.sender.clone(), _alive: alive }
    }

    /// How long to wait for an arrival: until the given time, else as long as anything can come.
    fn patience(&self, until: Option<Time>) -> Duration {
        let idle = self.under_way == 0 && self.commanders.strong_count() == 0;
        match until {
            Some(until) => {
                let millis = until.millis_since(clock::now());
                Duration::from_millis(u64::try_from(millis).unwrap_or(0))
            }
            None if idle => Duration::ZERO,
            None => Duration::from_secs(IDLE_SECONDS_MAX),
        }
    }
}

impl WorldPort for LiveWorld {
    fn now(&self) -> Time {
        clock::now()
    }

    fn submit(&mut self, effect_id: EffectId, effect: &Effect) {
        self.under_way += 1;
        let (hands, effect, sender) = (Arc::clone(&self.hands), effect.clone(), self.sender.clone());
        let asked = async move { hands.carry_out(&effect).await };
        let runtime = self.connection.runtime();
        let running = runtime.spawn(asked);
        runtime.spawn(async move {
            let outcome = running.await.unwrap_or_else(|error| {
                let message = format!("the request ended before its answer: {error}");
                Outcome::Failed { failure: Failure::Unavailable { message } }
            });
            // A world that is gone needs no outcome: the next process looks for itself.
            let _ = sender.send(Arrival::Outcome(effect_id, outcome));
        });
    }

    fn next(&mut self, until: Option<Time>) -> Input {
        let event = match self.arrivals.recv_timeout(self.patience(until)) {
            Ok(Arrival::Outcome(effect, outcome)) => {
                self.under_way = self.under_way.saturating_sub(1);
                InputEvent::Outcome { effect, outcome }
            }
            Ok(Arrival::Command(command)) => InputEvent::Command(command),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => InputEvent::Tick,
        };
        Input { at: clock::now(), event }
    }

    fn snapshot(&mut self) -> Result<Snapshot, PortError> {
        (self.reader)()
    }
}

impl Hands {
    async fn carry_out(&self, effect: &Effect) -> Outcome {
        let done = match effect {
            Effect::Read(query) => {
                self.answer(query).await.map(|observation| Outcome::Observed { observation })
            }
            Effect::Write(write) => self.change(write).await.map(|stored| Outcome::Done { stored }),
        };
        done.unwrap_or_else(|failure| Outcome::Failed { failure })
    }
}
