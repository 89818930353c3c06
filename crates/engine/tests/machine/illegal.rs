//! Records that the state does not expect are typed errors, and change nothing.

use meshlift_engine::{IllegalReason, Run};
use meshlift_model::effect::{Change, Outcome, Write};
use meshlift_model::journal::{Command, Record, RunResult, StepEnd, Undo};
use meshlift_model::plan::Gate;

use crate::plan::{line, plan, started};

fn step_started(step: &str) -> Record {
    Record::StepStarted { step: step.into(), baseline: vec![], census: None }
}

fn intent(effect: u64, step: &str, action: usize) -> Record {
    let change = Change::ApplyCrds { manifest_digest: "m".into() };
    let target = "CustomResourceDefinition/istio.io".parse().unwrap();
    let write = Write { target, uid: None, resource_version: None, change };
    Record::Intent { effect, step: step.into(), action, write, undo: Undo::NotNeeded, reverses: None }
}

fn outcome(effect: u64) -> Record {
    Record::Outcome { effect, outcome: Outcome::Done { stored: vec![] } }
}

fn ended(step: &str, end: StepEnd) -> Record {
    Record::StepEnded { step: step.into(), end }
}

fn done(step: &str, action: usize) -> Record {
    Record::ActionDone { step: step.into(), action }
}

fn command(command: Command) -> Record {
    Record::Command { command }
}

/// Folds all but the last record, which must be refused without a trace.
fn refused(records: Vec<Record>) -> IllegalReason {
    let mut run = Run::open(&started(plan())).unwrap();
    let last = records.len() as u64;
    let mut refused = None;
    for (sequence, record) in (1..).zip(records) {
        let before = run.clone();
        match run.apply(&line(sequence, record)) {
            Ok(()) => assert!(sequence < last, "the last record was taken"),
            Err(error) => {
                assert_eq!(sequence, last, "{error}");
                assert_eq!(run, before, "a refused line leaves a trace");
                refused = Some(error.why);
            }
        }
    }
    refused.unwrap()
}

#[test]
fn order_is_kept() {
    let over = || Record::Ended { result: RunResult::Done, reason: String::new() };
    let through = || vec![step_started("crds"), intent(1, "crds", 0), outcome(1), done("crds", 0)];
    let and = |mut records: Vec<Record>, more: Vec<Record>| {
        records.extend(more);
        records
    };
    let cases: Vec<(&str, Vec<Record>)> = vec![
        ("starts twice", vec![started(plan()).record]),
        ("step of another plan", vec![step_started("moon")]),
        ("step whose needs are not done", vec![step_started("istiod")]),
        ("step begins twice", vec![step_started("crds"), step_started("crds")]),
        ("write of a step that was not begun", vec![intent(1, "crds", 0)]),
        ("write of an action that is not there", vec![step_started("crds"), intent(1, "crds", 7)]),
        ("effect meant twice", vec![step_started("crds"), intent(1, "crds", 0), intent(1, "crds", 0)]),
        ("outcome of nothing", vec![step_started("crds"), outcome(1)]),
        ("outcome twice", and(through()[..3].to_vec(), vec![outcome(1)])),
        ("action done with an open write", vec![step_started("crds"), intent(1, "crds", 0), done("crds", 0)]),
        ("action done twice", and(through(), vec![done("crds", 0)])),
        ("write after its action", and(through(), vec![intent(2, "crds", 0)])),
        ("step done before its action", vec![step_started("crds"), ended("crds", StepEnd::Done)]),
        (
            "undone though nothing takes it back",
            and(through(), vec![ended("crds", StepEnd::Undone { why: String::new() })]),
        ),
        (
            "gate of another step",
            and(
                through(),
                vec![Record::Gate {
                    step: "crds".into(),
                    gate: Gate::NoNewFindings,
                    passed: true,
                    reason: String::new(),
                }],
            ),
        ),
        ("end with an open write", vec![step_started("crds"), intent(1, "crds", 0), over()]),
        ("anything after the end", vec![over(), step_started("crds")]),
        ("resume after the end", vec![over(), command(Command::Resume)]),
        ("approval of nothing", vec![command(Command::Approve { step: "moon".into(), by: "ann".into() })]),
        ("taking back what was not begun", vec![Record::Undoing { step: "crds".into(), why: String::new() }]),
    ];
    for (what, records) in cases {
        let why = refused(records);
        assert!(!why.to_string().is_empty(), "{what}");
    }
}

#[test]
fn a_gap_in_the_sequence_is_refused() {
    let mut run = Run::open(&started(plan())).unwrap();
    let error = run.apply(&line(2, step_started("crds"))).unwrap_err();
    assert_eq!(error.why, IllegalReason::Sequence { expected: 1 });
    assert_eq!(
        error.to_string(),
        "line 2 of the journal (step-started) does not follow from the lines before it: line 1 was due"
    );
}

#[test]
fn a_run_starts_with_a_plan_that_can_be_ordered() {
    let mut broken = plan();
    broken.steps[1].needs = vec!["cleanup".into()];
    let error = Run::open(&started(broken)).unwrap_err();
    assert!(matches!(error.why, IllegalReason::Plan { .. }), "{error}");
    let mut twice = plan();
    twice.steps[1].id = "crds".into();
    assert!(Run::open(&started(twice)).is_err());
    assert!(Run::open(&line(0, step_started("crds"))).is_err());
    let newer = Record::Started { format_version: 2, run: "r".into(), plan: Box::new(plan()) };
    let error = Run::open(&line(0, newer)).unwrap_err();
    assert_eq!(error.why, IllegalReason::Format { found: 2, known: 1 });
}
