//! The way back of a run as a shell script of kubectl commands, for a day without meshlift.

use meshlift_engine::{PartBack, Return, Run, StepBack};
use meshlift_model::action::MoveHow;
use meshlift_model::defaults::{POD_READY_SECONDS_MAX, ROLLOUT_SECONDS_MAX, SELECTOR_SETTLE_SECONDS};
use meshlift_model::effect::{Change, Failure, Write};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_views::kubectl;
use serde_json::Value;

/// Objects of a tag that points at a revision.
pub type TagDocuments<'a> = dyn Fn(&TagName, &RevisionName) -> Result<Vec<Value>, Failure> + 'a;

/// The script. Tags are written from what is in the cluster now; the rest is in the journal.
#[must_use]
pub fn script(run: &Run, namespace: &str, tags: &TagDocuments<'_>) -> String {
    let steps = run.way_back();
    let settle = run.plan().intent.limits.selector_settle_seconds.unwrap_or(SELECTOR_SETTLE_SECONDS);
    let mut lines = head(run, namespace);
    if steps.is_empty() {
        lines.push("# Nothing was changed that could be taken back.".to_owned());
    }
    let mut selected = false;
    for step in &steps {
        lines.push(String::new());
        lines.push(format!("# {}: {}", step.step, one_line(&step.title)));
        step_back(step, settle, &mut selected, tags, &mut lines);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn head(run: &Run, namespace: &str) -> Vec<String> {
    vec![
        "#!/bin/sh".to_owned(),
        format!("# The way back of run {}, from where its journal ends, without meshlift.", run.name()),
        "# Read it first. It stops at the first command that fails; every command can be run twice."
            .to_owned(),
        "set -eu".to_owned(),
        String::new(),
        "# meshlift changes nothing meanwhile.".to_owned(),
        kubectl::hold(namespace, "taken back by hand"),
    ]
}

/// Takes a step back. `selected` says whether a selector was changed and not waited for.
fn step_back(
    step: &StepBack,
    settle: i64,
    selected: &mut bool,
    tags: &TagDocuments<'_>,
    lines: &mut Vec<String>,
) {
    for part in &step.parts {
        match part {
            PartBack::Write(write) => {
                *selected |= matches!(write.change, Change::Labels { .. } | Change::SetTag { .. });
                lines.extend(commands(write, tags));
            }
            PartBack::Return(one) => {
                if std::mem::take(selected) {
                    lines
                        .push("# istiods must have seen the selectors before pods are made anew.".to_owned());
                    lines.push(format!("sleep {settle}"));
                }
                lines.extend(pods_back(one));
            }
            PartBack::Unused(revision) => {
                lines.push(format!("# No pod may be on {revision} any more."));
                lines.push(kubectl::no_pod_on(revision.as_str()));
            }
            PartBack::Lost(target) => {
                lines.push(format!("# {target} went and was not stored: nothing here brings it back."));
                lines.push("exit 1".to_owned());
            }
        }
    }
}

fn commands(write: &Write, tags: &TagDocuments<'_>) -> Vec<String> {
    match &write.change {
        Change::SetTag { revision } => {
            let tag = TagName::new(&write.target.name);
            match tags(&tag, revision) {
                Ok(documents) => documents.iter().map(kubectl::apply).collect(),
                Err(why) => vec![
                    format!(
                        "# The objects of the tag cannot be told now ({}); istioctl can make them:",
                        one_line(&why.to_string())
                    ),
                    format!(
                        "istioctl tag set {} --revision {} --overwrite",
                        kubectl::quoted(tag.as_str()),
                        kubectl::quoted(revision.as_str())
                    ),
                ],
            }
        }
        Change::RemoveTag => kubectl::remove_tag(&write.target.name),
        Change::Restore { stored } => vec![kubectl::apply(&meshlift_kube::fresh(stored))],
        _ => kubectl::commands(write).unwrap_or_else(|| {
            vec![
                format!("# {} has no command of kubectl's; do it by hand.", write.target),
                "exit 1".to_owned(),
            ]
        }),
    }
}

/// Brings the pods of a workload back and waits for them.
fn pods_back(one: &Return) -> Vec<String> {
    let object = kubectl::object(&one.workload);
    let wait = |what: &str| format!("kubectl rollout status {what} --timeout={ROLLOUT_SECONDS_MAX}s");
    match (one.how, &one.template, &one.stored) {
        (MoveHow::RecreatePod, _, Some(Write { change: Change::Restore { stored }, .. })) => vec![
            format!("kubectl delete {object} --ignore-not-found"),
            kubectl::apply(&meshlift_kube::fresh(stored)),
            format!("kubectl wait --for=condition=Ready {object} --timeout={POD_READY_SECONDS_MAX}s"),
        ],
        (MoveHow::DeletePods | MoveHow::RecreatePod, ..) => vec![format!(
            "# {}: delete its pods that carry annotation istio.io/rev={}, one after another, each once the one \
                 before is Ready.",
            one.workload, one.revision
        )],
        (MoveHow::Rollout | MoveHow::AwaitRollout, Some(template), _) => {
            let mut lines = kubectl::commands(template).unwrap_or_default();
            lines.push(wait(&object));
            lines
        }
        (MoveHow::Rollout | MoveHow::AwaitRollout, None, _) => {
            vec![format!("kubectl rollout restart {object}"), wait(&object)]
        }
    }
}

/// Words of others stay in their comment.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
