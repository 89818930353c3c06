//! Limits: pods of waves, floors, times, approvals.

use std::collections::BTreeSet;

use meshlift_mesh::Mesh;
use meshlift_model::action::Move;
use meshlift_model::defaults;
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::{PodDisruptionBudget, Resource};
use meshlift_model::plan::{Floor, Stage, Step};

use super::{Audit, moves};
use crate::note::Note;

impl Audit<'_> {
    pub(super) fn limits(&self, notes: &mut Vec<Note>) {
        for step in &self.plan.steps {
            self.wave(step, notes);
            self.floors(step, notes);
            self.times(step, notes);
            let moves_pods = moves(step).next().is_some();
            if moves_pods && self.plan.traffic == "not observed" && !step.approve_after {
                let text = format!(
                    "step {} moves pods without an approval, though traffic is not observed",
                    step.id
                );
                notes.push(Note::fatal("ML8416", text));
            }
        }
    }

    fn wave(&self, step: &Step, notes: &mut Vec<Note>) {
        if !matches!(step.stage, Stage::Canary | Stage::Wave) {
            return;
        }
        let namespaces: BTreeSet<&str> =
            moves(step).map(|(_, one)| one.workload.namespace.as_str()).collect();
        let limits = &self.plan.intent.limits;
        let wave_max = limits.wave_pods_max.unwrap_or(defaults::WAVE_PODS_MAX);
        let mut fatal = |text: String| notes.push(Note::fatal("ML8411", format!("step {} {text}", step.id)));
        if step.pods > wave_max && namespaces.len() > 1 {
            fatal(format!("moves {} pods of several namespaces, over the limit of {wave_max}", step.pods));
        }
        // Whoever names the canary's namespaces decides its size, too.
        if step.stage == Stage::Canary && self.plan.intent.order.canary.is_empty() {
            let canary_max = limits.canary_pods_max.unwrap_or(defaults::CANARY_PODS_MAX);
            if step.pods > canary_max || namespaces.len() > 1 {
                fatal(format!("is no canary: {} pods in {} namespaces", step.pods, namespaces.len()));
            }
            let covers = |mesh: &Mesh| {
                let all = mesh.snapshot.objects.namespaces.iter();
                let mut here = all.filter(|one| namespaces.contains(one.metadata.name.as_str()));
                here.any(|one| self.plan.intent.slo_critical.covers(&one.metadata))
            };
            if self.mesh.is_some_and(covers) {
                fatal("takes what is SLO-critical for a canary".to_owned());
            }
        }
    }

    fn floors(&self, step: &Step, notes: &mut Vec<Note>) {
        for (_, one) in moves(step) {
            let mut fatal =
                |text: String| notes.push(Note::fatal("ML8412", format!("step {}: {text}", step.id)));
            let Some(floor) = step.floors.iter().find(|floor| floor.workload == one.workload) else {
                fatal(format!("{} has no floor", one.workload));
                continue;
            };
            if (floor.ready_min, floor.replicas) != (one.ready_min, one.replicas) {
                fatal(format!("the floor of {} is not what its move keeps", one.workload));
            }
            let person = step.person.as_ref().is_some_and(|person| !person.approval);
            if floor.replicas > 0 && floor.ready_min < 1 && floor.accepted_loss.is_none() && !person {
                fatal(format!("{} goes down to no ready pod, and nobody accepted that", one.workload));
            }
            if let Some(budget) = self.broken_budget(one, floor) {
                fatal(format!("{} goes below {budget}, and nobody allowed that", one.workload));
            }
        }
    }

    /// A PodDisruptionBudget that a move goes below without a choice.
    fn broken_budget(&self, one: &Move, floor: &Floor) -> Option<String> {
        let mesh = self.mesh?;
        let budgets = &mesh.workloads.get(&one.workload)?.budgets;
        let all = mesh.snapshot.objects.disruption_budgets.iter();
        let mut here = all.filter(|budget| budgets.contains(&budget.object_ref()));
        let broken = here.find(|budget| floor.ready_min < promised(budget, one.replicas))?;
        let allows = |choice: &ChoiceKind| {
            matches!(
                choice,
                ChoiceKind::AllowUnavailable(_) | ChoiceKind::AcceptLoss | ChoiceKind::FailoverElsewhere
            )
        };
        let choices = self.plan.intent.choices.iter().filter(|choice| choice.subject == one.workload);
        let allowed = choices.map(|choice| &choice.choose).any(allows);
        (!allowed).then(|| broken.object_ref().to_string())
    }

    fn times(&self, step: &Step, notes: &mut Vec<Note>) {
        let default = match step.stage {
            Stage::Canary => defaults::BAKE_SECONDS_CANARY,
            Stage::Wave | Stage::TagBound => defaults::BAKE_SECONDS_WAVE,
            Stage::Gateway => defaults::BAKE_SECONDS_GATEWAY,
            Stage::ControlPlane => defaults::BAKE_SECONDS_CONTROL_PLANE,
            Stage::Observe => defaults::OBSERVATION_SECONDS,
            Stage::Dark => defaults::OLD_ISTIOD_DARK_SECONDS,
            Stage::Preflight
            | Stage::Crds
            | Stage::NotBuilt
            | Stage::Tag
            | Stage::Relabel
            | Stage::Cleanup => 0,
        };
        if step.bake_seconds < default {
            let text = format!(
                "step {} is watched for {} s, by default for {default} s",
                step.id, step.bake_seconds
            );
            notes.push(Note::remark("ML8410", text));
        }
    }
}

/// Ready pods that a budget promises, of so many (k8s.io/kubernetes: pkg/controller/disruption).
fn promised(budget: &PodDisruptionBudget, replicas: i32) -> i32 {
    let spec = &budget.spec;
    let least = spec.min_available.as_ref().and_then(|least| least.scaled(replicas, true));
    let most = spec.max_unavailable.as_ref().and_then(|most| most.scaled(replicas, true));
    least.or(most.map(|most| replicas - most)).unwrap_or(0)
}
