//! From both corners' ends to one report.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::Role;
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::journal::RunResult;
use meshlift_model::k8s::EndpointSlice;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Floor, StepUndo};
use meshlift_model::run_report::{Figures, RunReport, ServiceReport, Violation, WorkloadReport};
use meshlift_report::rehearsal::{assumptions, not_tested, tried};
use meshlift_twin::traffic::{WorkloadTraffic, verdict};

use crate::{Ended, Rehearsal, faults, restored};

/// Label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The report: steps and gates of the corner that came less far, figures of both.
pub(crate) fn report(rehearsal: &Rehearsal<'_>, best: &Ended, worst: &Ended) -> RunReport {
    let decisive = if worst.result > best.result { worst } else { best };
    let turned_back = rehearsal.rollback_after.filter(|_| decisive.run.is_rolling_back());
    let assembly = Assembly { rehearsal, best, worst, floors: floors(rehearsal) };
    let workloads = assembly.workloads();
    let faults = faults::reports(rehearsal, &best.played, &worst.played);
    let with_faults = faults.iter().any(|fault| fault.at.is_some());
    RunReport {
        format_version: FORMAT_VERSION,
        result: decisive.result,
        reason: reason(rehearsal, decisive),
        steps: decisive.run.steps(),
        gates: decisive.run.gates(),
        violations: assembly.violations(),
        figures: assembly.figures(&workloads),
        workloads,
        services: assembly.services(),
        tried: tried(turned_back, &faults),
        assumptions: assumptions(with_faults),
        not_tested: not_tested(turned_back.is_some(), &faults),
        faults,
        waiting: decisive.run.waiting_on(),
    }
}

/// Why the run ended so; and of a rollback that was asked for, what was left behind, or that it never came.
fn reason(rehearsal: &Rehearsal<'_>, decisive: &Ended) -> String {
    let reason = decisive.run.ended().map(|(_, reason)| reason.to_owned()).unwrap_or_default();
    match (decisive.result, rehearsal.rollback_after) {
        (RunResult::RolledBack, _) => {
            let left = decisive.violations.iter().any(|violation| violation.law == restored::LAW);
            let rest = if left { "more differs: see what is worse" } else { "nothing else differs" };
            format!("{reason}; compared with the same mesh without us, {rest}")
        }
        (RunResult::Done | RunResult::Waiting | RunResult::Failed, Some(step))
            if !decisive.run.is_rolling_back() =>
        {
            format!("{reason}; step {step} was never done, so nothing was rolled back")
        }
        (RunResult::Done | RunResult::Waiting | RunResult::Failed, _) => reason,
    }
}

struct Assembly<'a> {
    rehearsal: &'a Rehearsal<'a>,
    best: &'a Ended,
    worst: &'a Ended,
    /// The lowest floor that the plan announced for each workload.
    floors: BTreeMap<&'a ObjectRef, &'a Floor>,
}

fn floors<'a>(rehearsal: &Rehearsal<'a>) -> BTreeMap<&'a ObjectRef, &'a Floor> {
    let mut floors: BTreeMap<&ObjectRef, &Floor> = BTreeMap::new();
    for floor in rehearsal.plan.steps.iter().flat_map(|step| &step.floors) {
        let lowest = floors.entry(&floor.workload).or_insert(floor);
        if floor.ready_min < lowest.ready_min {
            *lowest = floor;
        }
    }
    floors
}

impl Assembly<'_> {
    /// Workloads whose pods came or went, istiods aside.
    fn workloads(&self) -> Vec<WorkloadReport> {
        let both = self.best.traffic.workloads.keys().chain(self.worst.traffic.workloads.keys());
        let touched: BTreeSet<&ObjectRef> = both.filter(|workload| self.is_app(workload)).collect();
        touched.into_iter().map(|workload| self.workload(workload)).collect()
    }

    fn is_app(&self, workload: &ObjectRef) -> bool {
        let known = |ended: &Ended| ended.mesh.workloads.get(workload).map(|facts| facts.role);
        known(self.best).or_else(|| known(self.worst)).is_none_or(|role| role != Role::Istiod)
    }

    fn workload(&self, workload: &ObjectRef) -> WorkloadReport {
        let nothing = WorkloadTraffic::default();
        let best = self.best.traffic.workloads.get(workload).unwrap_or(&nothing);
        let worst = self.worst.traffic.workloads.get(workload).unwrap_or(&nothing);
        let why = if best.loss.lost_millis > 0.0 { best.why() } else { worst.why() };
        WorkloadReport {
            kind: workload.kind.to_string(),
            namespace: workload.namespace.to_string(),
            name: workload.name.to_string(),
            verdict: verdict(best, [worst]),
            ready_min: best.ready_min.min(worst.ready_min),
            replicas: best.replicas.max(worst.replicas),
            requests_lost: rounded(best.loss.requests_lost()),
            requests_lost_worst: rounded(worst.loss.requests_lost()),
            exposed_seconds_worst: rounded(seconds(worst.loss.exposed_millis)),
            requests_cut: rounded(best.requests_cut),
            connections_cut: rounded(best.connections_cut),
            why,
            accepted_hazards: self.accepted(workload),
        }
    }

    /// Choices of the intent about the workload, with their reasons.
    fn accepted(&self, workload: &ObjectRef) -> Vec<String> {
        let choices = self.rehearsal.plan.intent.choices.iter().filter(|choice| choice.subject == *workload);
        choices.map(|choice| format!("{}: {}", choice.choose, choice.reason)).collect()
    }

    fn floor_of(&self, workload: &WorkloadReport) -> Option<&Floor> {
        let reference = ObjectRef::new(&workload.kind, &workload.namespace, &workload.name);
        self.floors.get(&reference).copied()
    }

    /// What the checkers found in either corner.
    fn violations(&self) -> Vec<Violation> {
        let mut all = self.best.violations.clone();
        let only_worst = self.worst.violations.iter().filter(|violation| {
            let same =
                |other: &Violation| (&other.law, &other.subject) == (&violation.law, &violation.subject);
            !self.best.violations.iter().any(same)
        });
        all.extend(only_worst.map(|violation| {
            let detail = format!("{} (worst corner)", violation.detail);
            Violation { detail, ..violation.clone() }
        }));
        all
    }

    fn figures(&self, workloads: &[WorkloadReport]) -> Figures {
        let sum = |of: fn(&WorkloadReport) -> f64| rounded(workloads.iter().map(of).sum());
        let accepted = workloads
            .iter()
            .filter(|workload| self.floor_of(workload).is_some_and(|floor| floor.accepted_loss.is_some()))
            .map(|workload| workload.requests_lost);
        Figures {
            makespan_seconds: self.best.ended.millis_since(self.best.began) / 1000,
            pods_moved: self.pods_moved(),
            capacity_peak_extra_pods: self.extra_pods(),
            requests_lost: sum(|workload| workload.requests_lost),
            requests_lost_accepted: rounded(accepted.sum()),
            requests_lost_worst: sum(|workload| workload.requests_lost_worst),
            requests_cut: sum(|workload| workload.requests_cut),
            connections_cut: sum(|workload| workload.connections_cut),
            undo_seconds_max: self.undo_seconds(),
        }
    }

    /// Pods that carry the plan's revision at the end and did not at the start.
    fn pods_moved(&self) -> usize {
        let revision = &self.rehearsal.plan.revision;
        let on = |mesh: &meshlift_mesh::Mesh| {
            let pods = mesh.pods.values().filter(|pod| !pod.finished);
            pods.filter(|pod| pod.revision.as_ref() == Some(revision)).count()
        };
        on(&self.best.mesh).saturating_sub(on(self.rehearsal.mesh))
    }

    fn extra_pods(&self) -> i64 {
        self.best.traffic.capacity_peak_extra_pods.max(self.worst.traffic.capacity_peak_extra_pods)
    }

    /// Undoing everything takes longest when everything is done: one step after the other.
    fn undo_seconds(&self) -> i64 {
        let seconds = self.rehearsal.plan.steps.iter().map(|step| match step.undo {
            StepUndo::Inverse { .. } => step.undo_seconds,
            StepUndo::ForwardOnly { .. } | StepUndo::NotNeeded => 0,
        });
        seconds.sum()
    }

    fn services(&self) -> Vec<ServiceReport> {
        let before = ready_endpoints(&self.rehearsal.mesh.snapshot.objects.endpoint_slices);
        let (best, worst) = (&self.best.traffic.services, &self.worst.traffic.services);
        let all: BTreeSet<&ObjectRef> = best.keys().chain(worst.keys()).collect();
        let report = |service: &ObjectRef| {
            let endpoints = before.get(&service.short()).copied().unwrap_or(0);
            let least = |traffic: &BTreeMap<ObjectRef, meshlift_twin::traffic::ServiceTraffic>| {
                traffic.get(service).map_or(endpoints, |traffic| traffic.endpoints_min)
            };
            ServiceReport {
                namespace: service.namespace.to_string(),
                name: service.name.to_string(),
                endpoints,
                endpoints_min: least(best),
                endpoints_min_worst: least(worst),
            }
        };
        all.into_iter().map(report).collect()
    }
}

/// Ready endpoints by `NAMESPACE/NAME` of the Service.
fn ready_endpoints(slices: &[EndpointSlice]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for slice in slices {
        if let Some(service) = slice.metadata.labels.get(SERVICE_NAME) {
            let ready =
                slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false)).count();
            *counts.entry(format!("{}/{service}", slice.metadata.namespace)).or_default() += ready;
        }
    }
    counts
}

/// Thousandths are enough, and the same on every machine.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a run takes far less than 2^52 milliseconds")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
