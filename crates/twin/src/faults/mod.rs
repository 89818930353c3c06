//! Faults: what goes wrong, and what other people do, while a run is on its way. As data, drawn from the seed.
//!
//! ```text
//! light(seed, plan, snapshot) ──► Vec<Fault> ──► TwinWorld::play ──► Book (in the cluster) ──► what was played
//!                                                   │ Player (an actor): writes under the name `fault/…`
//!                                                   └ kubelets ask the book about pods that start
//! ```
//!
//! A fault is bound to an event of the run rather than to a time of day (so long after meshlift wrote an object;
//! the n-th new pod of a workload), so that it strikes where it was meant to in either corner. Once played it is
//! known when: [`Fault::replayed`] plays it at that time in a world that nobody upgrades.

mod book;
mod draw;
mod player;

use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;

use crate::world::TwinWorld;

pub use book::{Book, Played};
pub use draw::light;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// What it happens to: a workload, a namespace, `Revision/NAME` for its istiods, `Run/rehearsal` for ourselves.
    pub victim: ObjectRef,
    /// When.
    pub trigger: Trigger,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A new pod takes longer than usual to be Ready, within POD_READY_SECONDS_MAX. Passes.
    SlowPod {
        /// Milliseconds on top.
        extra_millis: i64,
    },
    /// A new pod is never Ready. Persists.
    NeverReadyPod,
    /// The app of a new pod crashes once and is started anew. Passes.
    PodCrash,
    /// The app of a new pod crashes again and again. Persists.
    CrashLoop,
    /// A pod of istiod is deleted; its Deployment makes another. Passes.
    IstiodRestart,
    /// An autoscaler or a person asks for more pods of a workload whose turn has not come. Passes.
    ScaleUp {
        /// Pods on top.
        extra: i32,
    },
    /// Somebody points a namespace at another revision or tag. Persists.
    Relabel {
        /// New value of `istio.io/rev`.
        to: String,
    },
    /// Somebody deploys a new image of a workload in the middle of our restart. Persists.
    ForeignDeploy,
    /// Our own process dies, and another one takes the run over. Passes.
    OwnCrash {
        /// Milliseconds without any process.
        away_millis: i64,
        /// The journal's line at which it dies is durable; else it is torn.
        durable: bool,
    },
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// So long after meshlift first wrote the object.
    Written {
        /// The object.
        object: ObjectRef,
        /// Milliseconds.
        millis: i64,
    },
    /// The n-th new pod of the victim on the run's revision: when it starts, or so long after it was Ready.
    NewPod {
        /// Which, from 1.
        number: u32,
        /// Milliseconds.
        millis: i64,
    },
    /// In place of this line of the run's journal; whoever keeps the journal plays it.
    Line(u64),
    /// At this time.
    At(Time),
}

impl FaultKind {
    /// Its name, as reports say it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.author().strip_prefix("fault/").unwrap_or_default()
    }

    /// Author of its writes, in the log of changes.
    #[must_use]
    pub fn author(&self) -> &'static str {
        match self {
            Self::SlowPod { .. } => "fault/slow-pod",
            Self::NeverReadyPod => "fault/never-ready-pod",
            Self::PodCrash => "fault/pod-crash",
            Self::CrashLoop => "fault/crash-loop",
            Self::IstiodRestart => "fault/istiod-restart",
            Self::ScaleUp { .. } => "fault/scale-up",
            Self::Relabel { .. } => "fault/relabel",
            Self::ForeignDeploy => "fault/foreign-deploy",
            Self::OwnCrash { .. } => "fault/own-crash",
        }
    }

    /// True if it does not heal by itself: then a run may end waiting for a person.
    #[must_use]
    pub fn persists(&self) -> bool {
        match self {
            Self::NeverReadyPod | Self::CrashLoop | Self::Relabel { .. } | Self::ForeignDeploy => true,
            Self::SlowPod { .. }
            | Self::PodCrash
            | Self::IstiodRestart
            | Self::ScaleUp { .. }
            | Self::OwnCrash { .. } => false,
        }
    }

    /// What it does, in words.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::SlowPod { extra_millis } => {
                format!("took {} s longer than usual to be Ready", extra_millis / 1000)
            }
            Self::NeverReadyPod => "was never Ready".to_owned(),
            Self::PodCrash => "its app crashed once and was started anew".to_owned(),
            Self::CrashLoop => "its app crashed again and again".to_owned(),
            Self::IstiodRestart => "was deleted, and its Deployment made another one".to_owned(),
            Self::ScaleUp { extra } => format!("was scaled up by {extra} before its turn came"),
            Self::Relabel { to } => format!("somebody pointed it at {to}"),
            Self::ForeignDeploy => "somebody deployed a new image in the middle of its restart".to_owned(),
            Self::OwnCrash { away_millis, .. } => {
                format!("our process died; another one took over {} s later", away_millis / 1000)
            }
        }
    }
}

impl Fault {
    /// The same fault at the time at which it was played, for a world that nobody upgrades. What strikes new pods
    /// of the run's revision strikes nothing there, but for crashes: another pod of the workload has them.
    #[must_use]
    pub fn replayed(&self, at: Time) -> Self {
        Self { trigger: Trigger::At(at), ..self.clone() }
    }
}

impl TwinWorld {
    /// Plays these faults from now on; `revision` is the one that the run moves to. Once per world.
    pub fn play(&mut self, faults: &[Fault], revision: &RevisionName) {
        if faults.is_empty() {
            return;
        }
        let twin = self.twin_mut();
        twin.cluster.faults = Book::new(faults.to_vec(), revision.clone());
        twin.add_actor(Box::new(player::Player::default()));
        for (index, fault) in faults.iter().enumerate() {
            if let Trigger::At(at) = fault.trigger {
                twin.wake_at(player::NAME, player::key(index), at);
            }
        }
    }

    /// The faults that were played so far.
    #[must_use]
    pub fn played(&self) -> &[Played] {
        self.twin().cluster.faults.played()
    }
}
