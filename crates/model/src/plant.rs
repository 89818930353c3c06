//! Planted bugs: deliberate mistakes of planner, engine and driver, which the twin's checkers must catch.
//!
//! Without the feature `planted` nothing of this is compiled but a constant `false`, and only tests of the tests turn
//! the feature on: no crate of the binary forwards it, and it does not build without debug assertions. With it, a
//! plant is inert until a test plants it, for its own thread and for as long as it holds what `plant` gave.

/// One deliberate mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plant {
    /// A gate passes without a look.
    SkippedGate,
    /// The old revision goes as soon as the new one is there.
    OldRevisionRemovedEarly,
    /// A tag is taken away before it is made anew for its new revision.
    TagMovedWithoutWebhook,
    /// A namespace gets its new label in one patch and loses its old one in the next.
    TwoLabels,
    /// A wave takes more pods than it may.
    WaveOverLimit,
    /// More workloads move at once than may.
    TooManyAtOnce,
    /// A step counts as taken back once its selectors are.
    UndoForgotten,
    /// The journal line follows its effect.
    JournalAfterEffect,
    /// A write does not say which version of its object it was meant for.
    StaleObservationTrusted,
    /// A namespace that the intent holds moves all the same.
    HeldNamespaceMoved,
    /// Who needs a revision is asked of the API objects alone, not of the istiods.
    CleanupOnOneSource,
}

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted bugs are for tests of the tests: a release must not hold them");

#[cfg(feature = "planted")]
mod planted {
    use std::cell::Cell;
    use std::marker::PhantomData;

    use super::Plant;

    thread_local! {
        static PLANTED: Cell<Option<Plant>> = const { Cell::new(None) };
    }

    /// True while the plant is planted on this thread.
    #[must_use]
    pub fn is_planted(plant: Plant) -> bool {
        PLANTED.get() == Some(plant)
    }

    /// Plants one mistake on this thread, in place of any other, until the guard is dropped.
    #[must_use]
    pub fn plant(plant: Plant) -> Planted {
        PLANTED.set(Some(plant));
        Planted { of_this_thread: PhantomData }
    }

    /// Keeps a plant planted.
    #[derive(Debug)]
    pub struct Planted {
        /// It must be dropped where it was made.
        of_this_thread: PhantomData<*const ()>,
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
}

#[cfg(feature = "planted")]
pub use planted::{Planted, is_planted, plant};

/// False: this build holds no planted bug.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is_planted(_plant: Plant) -> bool {
    false
}
