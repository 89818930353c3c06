//! Writes that an earlier process left open are closed before anything else is decided.
//!
//! Nobody knows whether such a write arrived, and it may still be under way: to read its target proves nothing.
//! So it is written again, under the precondition that it had: either it takes effect now, or its precondition
//! fails, and then the first one has landed or never will. What removes a pod is not done again on the strength
//! of an old judgement; no precondition but the pod's uid holds it back, so its time is waited out instead.

use meshlift_model::defaults::EFFECT_ATTEMPTS_MAX;
use meshlift_model::effect::{Change, Effect, EffectId, Failure, Outcome};
use meshlift_model::journal::{Instruction, Record};
use meshlift_model::time::Time;

use crate::effects::ANSWER_SECONDS_MAX;
use crate::illegal::IllegalRecord;
use crate::run::{Run, Turn};

/// Longest time for which a request may be under way after its sender died, in seconds: kube-apiserver gives
/// requests up after a minute (`--request-timeout`).
const FLIGHT_SECONDS_MAX: i64 = 60;
/// Seconds between two attempts to close a write.
const AGAIN_SECONDS: i64 = 5;
/// What the journal says of a write that nobody answered.
const UNHEARD: &str = "the executor ended before an answer came";

/// A write that is being closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closing {
    state: State,
    attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// To be written again at this time.
    Again(Time),
    /// Written again; the answer is given up then.
    Asked(Time),
    /// Cannot arrive any more from this time on.
    Expires(Time),
}

impl Closing {
    /// When it is to be looked at again, at the latest.
    pub(crate) fn due(&self) -> Time {
        match self.state {
            State::Again(at) | State::Asked(at) | State::Expires(at) => at,
        }
    }
}

impl Run {
    /// Takes up what an earlier process left open.
    pub(crate) fn take_up_lost(&mut self, turn: &Turn) {
        let work = &mut self.work;
        for effect in &self.ledger.open {
            if work.pending.contains_key(effect) || work.closing.contains_key(effect) {
                continue;
            }
            let intent = &self.ledger.intents[effect];
            let state = if removes_a_pod(&intent.write.change, &intent.write.target.kind) {
                State::Expires(intent.at.plus_seconds(FLIGHT_SECONDS_MAX))
            } else {
                State::Again(turn.now)
            };
            work.closing.insert(*effect, Closing { state, attempts: 0 });
        }
    }

    /// Does what is due for writes that are being closed.
    pub(crate) fn close_due(&mut self, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let due: Vec<EffectId> = self
            .work
            .closing
            .iter()
            .filter(|(_, closing)| closing.due() <= turn.now)
            .map(|(effect, _)| *effect)
            .collect();
        for effect in due {
            let Some(closing) = self.work.closing.get_mut(&effect) else { continue };
            match closing.state {
                State::Again(_) => {
                    closing.attempts += 1;
                    closing.state = State::Asked(turn.now.plus_seconds(ANSWER_SECONDS_MAX));
                    let write = self.ledger.intents[&effect].write.clone();
                    turn.out.push(Instruction::Submit { effect_id: effect, effect: Effect::Write(write) });
                }
                State::Asked(_) => {
                    self.work.given_up.insert(effect);
                    self.close(effect, unheard(&format!("no answer within {ANSWER_SECONDS_MAX} s")), turn)?;
                }
                State::Expires(_) => self.close(effect, unheard("nothing of it is under way now"), turn)?,
            }
        }
        Ok(())
    }

    /// Takes the answer to a write that was written again; false if it is none.
    pub(crate) fn absorb_closing(
        &mut self,
        effect: EffectId,
        outcome: &Outcome,
        turn: &mut Turn,
    ) -> Result<bool, IllegalRecord> {
        let Some(closing) = self.work.closing.get_mut(&effect) else { return Ok(false) };
        let closed = match outcome {
            Outcome::Done { .. } => outcome.clone(),
            Outcome::Failed { failure: Failure::Unavailable { .. } }
                if closing.attempts < EFFECT_ATTEMPTS_MAX =>
            {
                closing.state = State::Again(turn.now.plus_seconds(AGAIN_SECONDS));
                return Ok(true);
            }
            // Nothing was written: the run waits with the person who holds it.
            Outcome::Failed { failure: Failure::OnHold { .. } } => {
                closing.attempts -= 1;
                closing.state = State::Again(turn.now.plus_seconds(AGAIN_SECONDS));
                return Ok(true);
            }
            // The first one may have landed: whoever goes on reads how it is.
            Outcome::Failed { failure } => unheard(&format!("written again: {failure}")),
            Outcome::Observed { .. } => unheard("the answer does not fit the question"),
        };
        self.close(effect, closed, turn)?;
        Ok(true)
    }

    fn close(&mut self, effect: EffectId, outcome: Outcome, turn: &mut Turn) -> Result<(), IllegalRecord> {
        self.work.closing.remove(&effect);
        self.journal(Record::Outcome { effect, outcome }, turn)
    }
}

fn unheard(then: &str) -> Outcome {
    Outcome::Failed { failure: Failure::Unavailable { message: format!("{UNHEARD}; {then}") } }
}

fn removes_a_pod(change: &Change, kind: &str) -> bool {
    match change {
        Change::Evict | Change::RecreatePod => true,
        Change::Delete => kind == "Pod",
        Change::Labels { .. }
        | Change::TemplateAnnotation { .. }
        | Change::Replicas { .. }
        | Change::AutoscalerMin { .. }
        | Change::Partition { .. }
        | Change::Strategy { .. }
        | Change::Quota { .. }
        | Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => false,
    }
}
