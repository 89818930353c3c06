//! The way back of a run as a shell script of kubectl commands, for a day without meshlift.

use meshlift_engine::{PartBack, Return, Run};
use meshlift_model::action::MoveHow;
use meshlift_model::defaults::{POD_READY_SECONDS_MAX, ROLLOUT_SECONDS_MAX};
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
    let mut lines = head(run, namespace);
    if steps.is_empty() {
        lines.push("# Nothing was changed that could be taken back.".to_owned());
    }
    for step in &steps {
        lines.push(String::new());
        lines.push(format!("# {}: {}", step.step, one_line(&step.title)));
        lines.extend(step.parts.iter().flat_map(|part| part_back(part, tags)));
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

fn part_back(part: &PartBack, tags: &TagDocuments<'_>) -> Vec<String> {
    match part {
        PartBack::Write(write) => commands(write, tags),
        PartBack::Return(one) => pods_back(one),
        PartBack::Settle(seconds) => vec![
            "# istiods must have seen the selectors before pods are made anew.".to_owned(),
            format!("sleep {seconds}"),
        ],
        PartBack::Unused(revision) => {
            vec![format!("# No pod may be on {revision} any more."), kubectl::no_pod_on(revision.as_str())]
        }
        PartBack::Lost(target) => vec![
            format!("# {target} went and was not stored: nothing here brings it back."),
            "exit 1".to_owned(),
        ],
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
        Change::Labels { .. }
        | Change::TemplateAnnotation { .. }
        | Change::Replicas { .. }
        | Change::AutoscalerMin { .. }
        | Change::Partition { .. }
        | Change::Strategy { .. }
        | Change::Quota { .. }
        | Change::Evict
        | Change::Delete
        | Change::RecreatePod
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. } => match kubectl::command(write) {
            Some(command) => vec![command],
            None => vec![
                format!("# {} has no command of kubectl's; do it by hand.", write.target),
                "exit 1".to_owned(),
            ],
        },
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
            kubectl::command(template).into_iter().chain([wait(&object)]).collect()
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
