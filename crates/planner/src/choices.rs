//! What the intent decides: each choice held against the findings of its subject.

use std::collections::BTreeMap;

use meshlift_checks::{offered, refused_because};
use meshlift_mesh::{Follows, Mesh};
use meshlift_model::finding::{Finding, Severity};
use meshlift_model::intent::{Choice, ChoiceKind};
use meshlift_model::names::{ObjectRef, TagName};

use crate::intent::IntentError;
use crate::note::Note;
use crate::situation::Situation;

/// What a finding holds while nobody decides it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// One workload.
    Workload(ObjectRef),
    /// A whole namespace.
    Namespace(String),
    /// Everything.
    Run,
}

/// Where a finding's subject lies. What is cluster-wide, or in a namespace of the control plane, holds everything.
pub(crate) fn scope(mesh: &Mesh, finding: &Finding) -> Scope {
    let subject = &finding.subject;
    if subject.kind == "Namespace" {
        return Scope::Namespace(subject.name.to_string());
    }
    if mesh.workloads.contains_key(subject) && !mesh.system_namespaces.contains(&subject.namespace) {
        return Scope::Workload(subject.clone());
    }
    let global = subject.namespace.is_empty()
        || subject.kind == "Source"
        || mesh.system_namespaces.contains(&subject.namespace);
    if global { Scope::Run } else { Scope::Namespace(subject.namespace.to_string()) }
}

/// A choice and the hazard that it decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) choice: &'a Choice,
}

/// Decisions about this mesh.
#[derive(Debug, Default)]
pub(crate) struct Choices<'a> {
    /// Decided hazards, by subject.
    made: BTreeMap<ObjectRef, Vec<Made<'a>>>,
    /// Hazards that nobody decided, and blocks that no choice can lift, in the order of the findings.
    pub(crate) open: Vec<&'a Finding>,
    /// Namespaces that the intent holds, with the reason.
    pub(crate) holds: BTreeMap<String, String>,
    /// Where namespaces go for good, instead of back.
    pub(crate) relabels: BTreeMap<String, String>,
    /// Choices that fit no hazard.
    pub(crate) notes: Vec<Note>,
}

impl<'a> Choices<'a> {
    /// Decided hazards of a subject.
    pub(crate) fn of(&self, subject: &ObjectRef) -> &[Made<'a>] {
        self.made.get(subject).map_or(&[], Vec::as_slice)
    }

    /// The decided hazards of a subject whose choice the question accepts.
    pub(crate) fn find<T>(
        &self,
        subject: &ObjectRef,
        ask: impl Fn(&ChoiceKind) -> Option<T>,
    ) -> Option<(T, Made<'a>)> {
        self.of(subject).iter().find_map(|made| Some((ask(&made.choice.choose)?, *made)))
    }
}

/// Holds every choice against the findings.
///
/// # Errors
/// Where a choice is not offered, cannot be done, comes twice, has run out, or names what is not there.
pub(crate) fn decide<'a>(situation: &Situation<'a>) -> Result<Choices<'a>, IntentError> {
    let mut choices = Choices::default();
    let findings = &situation.assessment.findings;
    let mut decided: Vec<Option<usize>> = vec![None; findings.len()];
    for (index, choice) in situation.intent.choices.iter().enumerate() {
        let path = format!("choices[{index}]");
        expired(situation, choice, &path)?;
        let hazards = findings.iter().enumerate().filter(|(_, finding)| finding.subject == choice.subject);
        let hazards =
            hazards.filter(|(_, finding)| choice.hazard.as_ref().is_none_or(|code| *code == finding.code));
        let hazards: Vec<(usize, &Finding)> = hazards
            .filter(|(_, finding)| !finding.offers.is_empty() || finding.severity == Severity::Block)
            .collect();
        let fits = fits_beside(situation, &mut choices, choice, &path)?;
        let taken: Vec<(usize, &Finding)> =
            hazards.iter().copied().filter(|(_, finding)| offered(finding, &choice.choose)).collect();
        if fits && taken.is_empty() {
            continue;
        }
        match (hazards.first(), taken.is_empty()) {
            (None, _) => choices.notes.push(fits_nothing(choice, &path)),
            (Some((_, finding)), true) => return Err(not_offered(choice, finding, path)),
            (Some(_), false) => take(situation, &mut choices, &mut decided, (index, choice), &taken)?,
        }
    }
    let open = findings.iter().zip(&decided).filter(|(finding, choice)| {
        choice.is_none() && (finding.needs_choice() || finding.severity == Severity::Block)
    });
    choices.open = open.map(|(finding, _)| finding).collect();
    Ok(choices)
}

fn expired(situation: &Situation<'_>, choice: &Choice, path: &str) -> Result<(), IntentError> {
    let Some(until) = choice.until.as_deref() else { return Ok(()) };
    let subject = || Box::new(choice.subject.clone());
    let Some(end) = crate::intent::end_of_day(until) else {
        return Err(IntentError::Until { path: path.to_owned(), until: until.to_owned() });
    };
    match situation.mesh.snapshot.newest_time() {
        Some(now) if now > end => {
            Err(IntentError::Expired { path: path.to_owned(), subject: subject(), until: until.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// Choices that need no hazard: a hold, and where the followers of a removed tag go.
fn fits_beside<'a>(
    situation: &Situation<'a>,
    choices: &mut Choices<'a>,
    choice: &'a Choice,
    path: &str,
) -> Result<bool, IntentError> {
    let Some(namespace) = namespace_of(&choice.subject) else { return Ok(false) };
    let Some(facts) = situation.mesh.namespaces.get(namespace) else { return Ok(false) };
    match &choice.choose {
        ChoiceKind::HoldNamespace => {
            choices.holds.insert(namespace.to_owned(), choice.reason.clone());
            Ok(true)
        }
        ChoiceKind::RelabelNamespace(name) => {
            let removed = |tag: &TagName| situation.intent.remove_tags.contains(tag);
            let leaves = matches!(&facts.follows, Follows::Tag { tag } if removed(tag));
            if leaves {
                relabel(situation, choices, namespace, name, path)?;
            }
            Ok(leaves)
        }
        ChoiceKind::AcceptLoss
        | ChoiceKind::ScaleUpFirst
        | ChoiceKind::AllowUnavailable(_)
        | ChoiceKind::RaiseQuota(_)
        | ChoiceKind::DeletePods
        | ChoiceKind::SetPartitionZero
        | ChoiceKind::DeleteBarePod
        | ChoiceKind::LeaveUninjected
        | ChoiceKind::FailoverElsewhere
        | ChoiceKind::AcceptUnknown(_)
        | ChoiceKind::AcceptChange => Ok(false),
    }
}

fn take<'a>(
    situation: &Situation<'a>,
    choices: &mut Choices<'a>,
    decided: &mut [Option<usize>],
    (index, choice): (usize, &'a Choice),
    taken: &[(usize, &'a Finding)],
) -> Result<(), IntentError> {
    let path = || format!("choices[{index}]");
    let subject = || Box::new(choice.subject.clone());
    if let Some(why) = refused_because(situation.mesh, &choice.subject, &choice.choose) {
        let choice = choice.choose.to_string();
        return Err(IntentError::Impossible { path: path(), subject: subject(), choice, why });
    }
    if let ChoiceKind::RelabelNamespace(name) = &choice.choose
        && let Some(namespace) = namespace_of(&choice.subject)
    {
        relabel(situation, choices, namespace, name, &path())?;
    }
    for (position, finding) in taken {
        if decided.get(*position).copied().flatten().is_some() {
            return Err(IntentError::Twice { path: path(), subject: subject() });
        }
        if let Some(slot) = decided.get_mut(*position) {
            *slot = Some(index);
        }
        choices.made.entry(choice.subject.clone()).or_default().push(Made { finding, choice });
    }
    Ok(())
}

/// Takes down where a namespace goes for good.
fn relabel(
    situation: &Situation<'_>,
    choices: &mut Choices<'_>,
    namespace: &str,
    name: &str,
    path: &str,
) -> Result<(), IntentError> {
    let tags = situation.mesh.tags.keys().filter(|tag| !situation.intent.remove_tags.contains(tag));
    let mut known: Vec<String> = tags.map(ToString::to_string).collect();
    known.push(situation.revision.to_string());
    known.sort();
    if !known.iter().any(|one| one == name) {
        return Err(IntentError::UnknownRevision { path: path.to_owned(), name: name.to_owned(), known });
    }
    choices.relabels.insert(namespace.to_owned(), name.to_owned());
    Ok(())
}

/// The namespace that a subject is, or lies in.
pub(crate) fn namespace_of(subject: &ObjectRef) -> Option<&str> {
    if subject.kind == "Namespace" {
        return Some(&subject.name);
    }
    (!subject.namespace.is_empty()).then_some(subject.namespace.as_str())
}

fn fits_nothing(choice: &Choice, path: &str) -> Note {
    let hazard = choice
        .hazard
        .as_ref()
        .map_or("no hazard that needs a choice".to_owned(), |code| format!("no {code}"));
    Note::remark(
        "ML8301",
        format!("{path}: {} has {hazard}: `{}` does nothing", choice.subject, choice.choose),
    )
}

fn not_offered(choice: &Choice, finding: &Finding, path: String) -> IntentError {
    IntentError::NotOffered {
        path,
        subject: Box::new(choice.subject.clone()),
        code: finding.code.to_string(),
        choice: choice.choose.to_string(),
        offers: finding.offers.clone(),
    }
}
