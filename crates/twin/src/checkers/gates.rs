//! Law 14: a step goes on only where its gates hold. Each announced gate was asked and passed, before and after
//! the bake, and was true when it passed; order, bakes and people's words are kept; what was taken back does not go
//! on by itself.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::action::ActionKind;
use meshlift_model::effect::{Effect, Query};
use meshlift_model::journal::{Command, Record, StepEnd};
use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Step};
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use super::removal::{consumers, followers};
use super::shadow::Shadow;
use super::{Announced, Checker, step_ref, truth, violation};
use crate::witness::{Passed, What};

const LAW: &str = "14";

/// What the journal says of one step.
#[derive(Default)]
struct Progress {
    started: Time,
    /// Gates must be asked from here on: the last action, or the end of the bake.
    since: Time,
    done: BTreeSet<usize>,
    passed: Vec<Gate>,
    baked_until: Option<Time>,
    approved: bool,
    /// Pods and their revisions when it began.
    pods: BTreeSet<(String, Option<String>)>,
}

/// Steps against their gates.
pub(super) struct Gates<'a> {
    announced: &'a Announced,
    progress: BTreeMap<String, Progress>,
    /// Approvals of steps that have not begun.
    approved: BTreeSet<String>,
    ended: BTreeMap<String, StepEnd>,
    /// A step that was taken back or is held: nothing new starts without a person's word.
    stopped_by: Option<String>,
    /// Questions to the world, in order.
    asked: Vec<(Time, Asked)>,
    found: Vec<Violation>,
}

/// A question.
enum Asked {
    Query(Query),
    Everything,
}

impl<'a> Gates<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        Self {
            announced,
            progress: BTreeMap::new(),
            approved: BTreeSet::new(),
            ended: BTreeMap::new(),
            stopped_by: None,
            asked: Vec::new(),
            found: Vec::new(),
        }
    }

    fn tell(&mut self, step: &str, at: Time, detail: impl Into<String>) {
        self.found.push(violation(LAW, at, step_ref(step), detail.into()));
    }

    fn record(&mut self, record: &Record, at: Time, now: &Shadow) {
        match record {
            Record::StepStarted { step, .. } => self.started(step, at, now),
            Record::ActionDone { step, action } => self.action_done(step, *action, at),
            Record::Gate { step, gate, passed: true, .. } => self.passed(step, gate, at, now),
            Record::Bake { step, until } => self.bake(step, *until, at),
            Record::Approved { step, .. } => match self.progress.get_mut(step) {
                Some(progress) => progress.approved = true,
                None => {
                    self.approved.insert(step.clone());
                }
            },
            Record::StepEnded { step, end } => self.ended(step, end, at),
            Record::Command { command } => match command {
                Command::Resume | Command::Rollback | Command::Abort => self.stopped_by = None,
                Command::Pause | Command::Approve { .. } => {}
            },
            Record::Started { .. }
            | Record::Intent { .. }
            | Record::Undoing { .. }
            | Record::Outcome { .. }
            | Record::Gate { .. }
            | Record::Ended { .. } => {}
        }
    }

    fn started(&mut self, id: &str, at: Time, now: &Shadow) {
        let pods = census(now);
        self.progress.insert(id.to_owned(), Progress { started: at, since: at, pods, ..Progress::default() });
        self.asked.clear();
        let Some(step) = self.announced.step(id) else {
            self.tell(id, at, "began, and the plan has no such step");
            return;
        };
        let done = |need: &&String| !matches!(self.ended.get(*need), Some(StepEnd::Done));
        if let Some(need) = step.needs.iter().find(done) {
            self.tell(id, at, format!("began before step {need} was done"));
        }
        if step.person.is_some() && !self.approved.contains(id) {
            self.tell(id, at, "began without the word of a person that it needs");
        }
        if let Some(stopped) = self.stopped_by.clone() {
            self.tell(id, at, format!("began by itself after step {stopped} was stopped"));
        }
    }

    fn action_done(&mut self, id: &str, action: usize, at: Time) {
        let Some(progress) = self.progress.get_mut(id) else { return };
        progress.since = at;
        progress.done.insert(action);
        let started = progress.started;
        let kind =
            self.announced.step(id).and_then(|step| step.actions.get(action)).map(|action| &action.kind);
        if let Some(ActionKind::ProveInjection { namespace, proofs, .. }) = kind {
            let proves = |query: &Query| is_proof(query, namespace, *proofs);
            if !self.was_asked(started, proves) {
                self.tell(
                    id,
                    at,
                    format!("what pods in {namespace} get counts as proven, and was not tried"),
                );
            }
        }
    }

    fn was_asked(&self, since: Time, is_it: impl Fn(&Query) -> bool) -> bool {
        self.asked
            .iter()
            .any(|(at, asked)| *at >= since && matches!(asked, Asked::Query(query) if is_it(query)))
    }

    fn passed(&mut self, id: &str, gate: &Gate, at: Time, now: &Shadow) {
        let Some(progress) = self.progress.get_mut(id) else { return };
        progress.passed.push(gate.clone());
        let since = progress.since;
        let words = gate_words(gate);
        if let Some(why) = untrue(gate, &progress.pods, now) {
            self.tell(id, at, format!("gate passed: {words}; but {why}"));
        } else if !self.is_founded(gate, since) {
            self.tell(id, at, format!("gate passed: {words}; but nobody looked"));
        }
    }

    /// True if what the gate speaks of was asked since the last action or the end of the bake.
    fn is_founded(&self, gate: &Gate, since: Time) -> bool {
        match gate {
            Gate::RevisionHealthy { revision: of, .. } => {
                self.was_asked(since, |query| matches!(query, Query::Revision { revision } if revision == of))
            }
            Gate::NothingMoved => self.was_asked(since, |query| matches!(query, Query::Census)),
            Gate::PodsOnRevision { workloads, .. } => workloads.iter().all(|of| {
                self.was_asked(since, |query| matches!(query, Query::Workload { workload } if workload == of))
            }),
            Gate::NoNewFindings => {
                let all =
                    self.asked.iter().any(|(at, asked)| *at >= since && matches!(asked, Asked::Everything));
                all || self.was_asked(since, |query| matches!(query, Query::Findings))
            }
            Gate::Injects { namespace, .. } => self.was_asked(since, |query| is_proof(query, namespace, 1)),
            Gate::NoConsumers { revision: of } => self
                .was_asked(since, |query| matches!(query, Query::Consumers { revision } if revision == of)),
            Gate::NoFollowers { tag: of } => {
                self.was_asked(since, |query| matches!(query, Query::Followers { tag } if tag.as_str() == of))
            }
        }
    }

    fn bake(&mut self, id: &str, until: Time, at: Time) {
        let Some(step) = self.announced.step(id) else { return };
        if until < at.plus_seconds(step.bake_seconds) {
            self.tell(
                id,
                at,
                format!("was to be watched for {} s, and is not for so long", step.bake_seconds),
            );
        }
        self.all_passed(step, at, "began to bake");
        if let Some(progress) = self.progress.get_mut(id) {
            progress.baked_until = Some(until);
            progress.since = until;
            progress.passed.clear();
        }
    }

    fn all_passed(&mut self, step: &Step, at: Time, what: &str) {
        let Some(progress) = self.progress.get(&step.id) else { return };
        let open = step.gates.iter().find(|gate| !progress.passed.contains(gate));
        let undone = step.actions.len() != progress.done.len();
        if let Some(gate) = open {
            self.tell(&step.id, at, format!("{what} without its gate: {}", gate_words(gate)));
        }
        if undone {
            self.tell(&step.id, at, format!("{what} before all of its actions were done"));
        }
    }

    fn ended(&mut self, id: &str, end: &StepEnd, at: Time) {
        self.ended.insert(id.to_owned(), end.clone());
        match end {
            StepEnd::Waiting { .. } => return,
            StepEnd::Undone { .. } | StepEnd::Held { .. } => self.stopped_by = Some(id.to_owned()),
            StepEnd::Done => {
                if let Some(step) = self.announced.step(id) {
                    self.done(step, at);
                }
            }
        }
        self.progress.remove(id);
    }

    fn done(&mut self, step: &Step, at: Time) {
        let id = step.id.as_str();
        let Some(progress) = self.progress.get(id) else {
            self.tell(id, at, "is done and never began");
            return;
        };
        let approved = progress.approved || !step.approve_after;
        let baked = step.bake_seconds <= 0 || progress.baked_until.is_some_and(|until| until <= at);
        if !baked {
            self.tell(id, at, format!("is done and was not watched for {} s", step.bake_seconds));
        }
        if !approved {
            self.tell(id, at, "is done without the approval that it needs");
        }
        self.all_passed(step, at, "is done");
    }
}

fn is_proof(query: &Query, of: &str, proofs: usize) -> bool {
    matches!(query, Query::DryRun { namespace, count, .. } if namespace == of && *count >= proofs)
}

/// Workloads that are neither a Job nor a control plane, with the revisions that their pods carry.
fn census(now: &Shadow) -> BTreeSet<(String, Option<String>)> {
    let by_job = |pod: &Pod| pod.metadata.controller().is_some_and(|owner| owner.kind == "Job");
    let revision =
        |pod: &Pod| pod.metadata.annotation(meshlift_model::defaults::REV_LABEL).map(str::to_owned);
    let pods = now.living().filter(|pod| !by_job(pod));
    pods.map(|pod| (now.workload(pod).to_string(), revision(pod))).collect()
}

/// Why a gate that passed does not hold.
fn untrue(gate: &Gate, before: &BTreeSet<(String, Option<String>)>, now: &Shadow) -> Option<String> {
    match gate {
        Gate::RevisionHealthy { revision, ready_min } => {
            let ready = i32::try_from(truth::ready_istiods(now, revision)).unwrap_or(i32::MAX);
            (ready < *ready_min).then(|| format!("{ready} istiods of {revision} are ready"))
        }
        Gate::NothingMoved => (census(now) != *before).then(|| "pods changed during the step".to_owned()),
        Gate::PodsOnRevision { revision, workloads } => {
            workloads.iter().find_map(|workload| truth::not_moved(now, workload, revision))
        }
        Gate::NoConsumers { revision } => {
            truth::needed(&consumers(now, revision.as_str()), &format!("revision {revision}"))
        }
        Gate::NoFollowers { tag } => truth::needed(&followers(now, tag), &format!("tag {tag}")),
        // Checks and dry runs are not repeated here.
        Gate::NoNewFindings | Gate::Injects { .. } => None,
    }
}

fn gate_words(gate: &Gate) -> String {
    match gate {
        Gate::RevisionHealthy { revision, .. } => format!("istiods of {revision} healthy"),
        Gate::NothingMoved => "nothing moved".to_owned(),
        Gate::PodsOnRevision { revision, workloads } => {
            let names: Vec<String> = workloads.iter().map(ObjectRef::to_string).collect();
            format!("{} on {revision}", super::few(&names))
        }
        Gate::NoNewFindings => "no new findings".to_owned(),
        Gate::Injects { namespace, .. } => format!("injection in {namespace}"),
        Gate::NoConsumers { revision } => format!("no consumers of {revision}"),
        Gate::NoFollowers { tag } => format!("no followers of {tag}"),
    }
}

impl Checker for Gates<'_> {
    fn passed(&mut self, passed: &Passed, now: &Shadow) {
        match &passed.what {
            What::Appended(line) => self.record(&line.record, passed.at.max(line.at), now),
            What::Submitted { asked, .. } => match asked.as_ref() {
                Effect::Read(query) => self.asked.push((passed.at, Asked::Query(query.clone()))),
                Effect::Write(_) => {}
            },
            What::ReadAll => self.asked.push((passed.at, Asked::Everything)),
            What::Acted { .. } => {}
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
