//! A world that also answers what the checks say of it.

use std::collections::VecDeque;
use std::sync::Arc;

use meshlift_mesh::Mesh;
use meshlift_model::effect::{Effect, EffectId, Failure, FindingView, Observation, Outcome, Query};
use meshlift_model::intent::Intent;
use meshlift_model::journal::{Input, InputEvent};
use meshlift_model::names::IstioVersion;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::{PortError, WorldPort};

/// Answers [`Query::Findings`] by reading the whole mesh and checking it; everything else is the world's.
///
/// Worlds know nothing of checks, and checks nothing of worlds: this is where they meet.
#[derive(Debug)]
pub struct CheckedWorld<W> {
    world: W,
    intent: Intent,
    target: IstioVersion,
    answers: VecDeque<Input>,
}

impl<W: WorldPort> CheckedWorld<W> {
    /// The world, checked as the plan's intent and target want it.
    pub fn new(world: W, intent: Intent, target: IstioVersion) -> Self {
        Self { world, intent, target, answers: VecDeque::new() }
    }

    /// The world itself.
    pub fn into_inner(self) -> W {
        self.world
    }

    fn findings(&mut self) -> Outcome {
        let snapshot = match self.world.shared_snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                return Outcome::Failed { failure: Failure::Unavailable { message: error.to_string() } };
            }
        };
        let mesh = Mesh::derive(snapshot);
        let assessment = meshlift_checks::assess(&mesh, &self.intent, Some(&self.target));
        let findings = assessment
            .findings
            .iter()
            .map(|finding| FindingView {
                key: finding.key(),
                severity: finding.severity,
                detail: finding.detail.clone(),
            })
            .collect();
        Outcome::Observed { observation: Observation::Findings { findings } }
    }
}

impl<W: WorldPort> WorldPort for CheckedWorld<W> {
    fn now(&self) -> Time {
        self.world.now()
    }

    fn submit(&mut self, effect_id: EffectId, effect: &Effect) {
        if matches!(effect, Effect::Read(Query::Findings)) {
            let outcome = self.findings();
            let event = InputEvent::Outcome { effect: effect_id, outcome };
            self.answers.push_back(Input { at: self.world.now(), event });
        } else {
            self.world.submit(effect_id, effect);
        }
    }

    fn next(&mut self, until: Option<Time>) -> Input {
        self.answers.pop_front().unwrap_or_else(|| self.world.next(until))
    }

    fn snapshot(&mut self) -> Result<Snapshot, PortError> {
        self.world.snapshot()
    }

    fn shared_snapshot(&mut self) -> Result<Arc<Snapshot>, PortError> {
        self.world.shared_snapshot()
    }
}
