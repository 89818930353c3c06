//! A run as a state machine.
//!
//! [`Run`] has two halves. The ledger is durable: the fold of the journal, and nothing else. Work is
//! volatile: what is being read or awaited by this process. [`Run::step`] takes one input (an outcome, a
//! command, the time) and says what to do: append to the journal, submit to the world, wake later, tell
//! people. It names a record before the effects that rest on it, reads no clock, and makes no choices that
//! the plan does not make.
//!
//! Everything below is a judgement (`next`): a pure function of what was just read, of the journal and of
//! the time, that names one next thing. Nothing is remembered between judgements, so another process that
//! judges again finds done what is done.

mod actions;
mod back;
mod closing;
mod cohort;
mod cures;
mod effects;
mod ends;
mod flow;
mod fold;
mod gates;
mod illegal;
mod in_place;
mod ledger;
mod limits;
mod look;
mod next;
mod open;
mod others;
mod preconditions;
mod run;
mod status;
mod task;
mod temporary;
mod undo;
mod way_back;

pub use gates::gate_words;
pub use illegal::{IllegalReason, IllegalRecord};
pub use run::{Run, StepError};
pub use way_back::{PartBack, Return, StepBack};
