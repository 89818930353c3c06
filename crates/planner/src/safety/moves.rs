//! One workload's move: action, preconditions, floor and figures.

use std::collections::BTreeMap;

use meshlift_mesh::{Mesh, RolloutState, Workload};
use meshlift_model::action::{Action, ActionKind, Move, MoveHow, Precondition};
use meshlift_model::defaults::{POD_READY_SECONDS_MAX, ROLLOUT_SECONDS_MAX};
use meshlift_model::digest::template_digest;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Floor;

use super::cures::{Treatment, beside, ready_min, surge, treat};
use crate::choices::Choices;
use crate::situation::Situation;
use crate::times::{Pace, move_seconds};

/// Longest pause between two tries of a controller that was refused
/// (k8s.io/client-go: `DefaultTypedControllerRateLimiter`). A rollout that was stuck goes on after it, however
/// soon its cause is cured.
const CONTROLLER_BACKOFF_SECONDS_MAX: i64 = 1000;

/// A workload that moves.
#[derive(Clone, Debug)]
pub(crate) struct Mover {
    pub(crate) action: Move,
    pub(crate) preconditions: Vec<Precondition>,
    pub(crate) floor: Floor,
    /// Predicted seconds.
    pub(crate) seconds: i64,
    /// Pods on top of the desired ones.
    pub(crate) surge: i32,
    /// Pods that it brings to the new revision.
    pub(crate) pods: usize,
    /// What a person must confirm first.
    pub(crate) failover: Option<String>,
}

impl Mover {
    pub(crate) fn workload(&self) -> &ObjectRef {
        &self.action.workload
    }

    /// The move as an action of a step, with preconditions of the step beside its own.
    pub(crate) fn action(&self, phase: u32, beside: &[Precondition]) -> Action {
        let mut preconditions = self.preconditions.clone();
        preconditions.extend_from_slice(beside);
        Action { phase, kind: ActionKind::Move(self.action.clone()), preconditions }
    }
}

/// Builds moves: holds what is the same for all of them.
pub(crate) struct Movers<'s, 'a> {
    pub(crate) situation: &'s Situation<'a>,
    pub(crate) choices: &'s Choices<'a>,
    pub(crate) ready_seconds: BTreeMap<ObjectRef, i64>,
}

impl Movers<'_, '_> {
    pub(crate) fn mover(&self, workload: &Workload, how: MoveHow) -> Mover {
        let treatment = treat(self.situation, workload, self.choices.of(&workload.workload));
        let pace = Pace {
            replicas: workload.replicas.max(1),
            ready_seconds: self.ready_seconds.get(&workload.workload).copied(),
            min_ready_seconds: workload.min_ready_seconds,
            in_turn: workload.is_made_in_turn(),
        };
        let seconds = self.seconds(workload, &treatment, pace);
        let kept = self.ready_min(workload, how, &treatment);
        let pod_ready = pace.ready_seconds.unwrap_or_default().saturating_mul(3);
        let extra = treatment.replicas - workload.replicas;
        let surge = surge(&treatment.rules) + extra;
        Mover {
            preconditions: self.preconditions(workload, &treatment),
            floor: Floor {
                workload: workload.workload.clone(),
                ready_min: kept,
                replicas: workload.replicas,
                accepted_loss: treatment.accepted_loss,
            },
            action: Move {
                workload: workload.workload.clone(),
                revision: self.situation.revision.clone(),
                how,
                cures: treatment.cures,
                replicas: workload.replicas,
                ready_min: kept,
                seconds_max: ROLLOUT_SECONDS_MAX.max(2 * seconds) + backoff(workload),
                pod_ready_seconds_max: POD_READY_SECONDS_MAX.max(pod_ready),
            },
            seconds,
            surge,
            pods: self.situation.old_pods(workload),
            failover: treatment.failover,
        }
    }

    /// The rule's prediction where the rollout keeps its own rules, else by the rules of the step.
    fn seconds(&self, workload: &Workload, treatment: &Treatment, pace: Pace) -> i64 {
        let ruled =
            self.situation.assessment.workloads.get(&workload.workload).map(|restart| restart.seconds);
        match ruled {
            Some(seconds) if treatment.cures.is_empty() && seconds > 0 => seconds,
            Some(_) | None => {
                move_seconds(&treatment.rules, Pace { replicas: treatment.replicas.max(1), ..pace })
            }
        }
    }

    fn ready_min(&self, workload: &Workload, how: MoveHow, treatment: &Treatment) -> i32 {
        let ruled =
            self.situation.assessment.workloads.get(&workload.workload).map(|restart| restart.ready_min);
        let own = ready_min(how, &treatment.rules, treatment.replicas).min(workload.replicas);
        match ruled {
            Some(kept) if treatment.cures.is_empty() => kept.min(own),
            Some(_) | None => own,
        }
    }

    fn preconditions(&self, workload: &Workload, treatment: &Treatment) -> Vec<Precondition> {
        let object = workload.workload.clone();
        let mut all = vec![
            Precondition::Exists { object: object.clone(), uid: Some(workload.uid.clone()) },
            Precondition::RevisionReady { revision: self.situation.revision.clone() },
        ];
        if let Some(template) = self.situation.template(&object) {
            all.push(Precondition::TemplateIs { object: object.clone(), digest: template_digest(template) });
        }
        // An autoscaler may change the count at any time; floors are then kept by the rules, not by the count.
        if workload.autoscaler.is_none() && self.situation.template(&object).is_some() {
            all.push(Precondition::ReplicasAre { object, replicas: workload.replicas });
        }
        let others = treatment.cures.iter().filter_map(beside);
        all.extend(others.map(|object| Precondition::Exists {
            uid: uid(self.situation.mesh, object),
            object: object.clone(),
        }));
        all
    }
}

fn backoff(workload: &Workload) -> i64 {
    match workload.state {
        RolloutState::Stuck { .. } => CONTROLLER_BACKOFF_SECONDS_MAX,
        RolloutState::Settled | RolloutState::Running | RolloutState::LeftBehind { .. } => 0,
    }
}

/// uid of a quota or an autoscaler.
fn uid(mesh: &Mesh, object: &ObjectRef) -> Option<String> {
    let objects = &mesh.snapshot.objects;
    let quotas = objects.resource_quotas.iter().map(|one| ("ResourceQuota", &one.metadata));
    let autoscalers = objects.autoscalers.iter().map(|one| ("HorizontalPodAutoscaler", &one.metadata));
    let mut all = quotas.chain(autoscalers);
    let found = all.find(|(kind, meta)| {
        object.kind == *kind && meta.namespace == object.namespace && meta.name == object.name
    });
    found.map(|(_, meta)| meta.uid.clone()).filter(|uid| !uid.is_empty())
}
