//! A snapshot as named sections of JSON lines: what the file holds packed, and what the digest is over.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{KINDS, KindInfo, KindWork, Objects, Resource, with_kind};
use meshlift_model::snapshot::{IstiodAnswers, ReadProblem, Snapshot, SourceStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::intake::Intake;
use crate::kinds::is_pod_name;
use crate::limits::PROBLEMS_MAX;

/// Section of everything that is no object.
pub(crate) const HEAD: &str = "head";
/// Section of the istiods' answers.
const ISTIODS: &str = "istiods";

/// Lines under a name. The sections of objects are named after their resource.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<Vec<u8>>,
}

#[derive(Deserialize, Serialize)]
struct Head {
    kubernetes_version: Option<String>,
    sources: BTreeMap<String, SourceStatus>,
    problems: Vec<ReadProblem>,
}

#[derive(Deserialize, Serialize)]
struct Istiod {
    pod: String,
    answers: IstiodAnswers,
}

/// All sections of a snapshot, head first.
pub(crate) fn sections_of(snapshot: &Snapshot) -> serde_json::Result<Vec<Section>> {
    let head = Head {
        kubernetes_version: snapshot.kubernetes_version.clone(),
        sources: snapshot.sources.clone(),
        problems: snapshot.problems.clone(),
    };
    let istiods = snapshot.istiods.iter();
    let istiods = istiods
        .map(|(pod, answers)| serde_json::to_vec(&Istiod { pod: pod.clone(), answers: answers.clone() }))
        .collect::<Result<_, _>>()?;
    let mut sections = vec![
        Section { name: HEAD, lines: vec![serde_json::to_vec(&head)?] },
        Section { name: ISTIODS, lines: istiods },
    ];
    sections.extend(object_sections(&snapshot.objects)?);
    Ok(sections)
}

/// One section per kind, empty ones too: a kind without a section was not kept by the meshlift that wrote it.
pub(crate) fn object_sections(objects: &Objects) -> serde_json::Result<Vec<Section>> {
    let section = |kind: &KindInfo| {
        let lines = with_kind(kind.resource, WriteLines(objects)).unwrap_or(Ok(Vec::new()))?;
        Ok(Section { name: kind.resource, lines })
    };
    KINDS.iter().map(section).collect()
}

struct WriteLines<'a>(&'a Objects);

impl KindWork for WriteLines<'_> {
    type Output = serde_json::Result<Vec<Vec<u8>>>;

    fn run<R: Resource + Serialize>(self) -> Self::Output {
        R::list(self.0).iter().map(serde_json::to_vec).collect()
    }
}

/// Puts sections back together.
#[derive(Default)]
pub(crate) struct Assembly {
    snapshot: Snapshot,
    intake: Intake,
    seen: BTreeSet<String>,
    /// Lines that became problems.
    skipped: usize,
}

impl Assembly {
    /// Takes one line. What this meshlift cannot read becomes a problem.
    ///
    /// # Errors
    /// Where the head cannot be read, without which nothing else means anything; or too much else cannot.
    pub(crate) fn take(&mut self, section: &str, number: usize, line: &[u8]) -> Result<(), String> {
        match section {
            HEAD => {
                let head: Head = serde_json::from_slice(line).map_err(|error| error.to_string())?;
                self.snapshot.kubernetes_version = head.kubernetes_version;
                self.snapshot.sources = head.sources;
                self.snapshot.problems.extend(head.problems);
            }
            ISTIODS => match serde_json::from_slice::<Istiod>(line) {
                Ok(istiod) if !is_pod_name(&istiod.pod) => {
                    self.problem(
                        section,
                        format!("line {number}"),
                        &format!("`{}` is no name of a pod", istiod.pod),
                    );
                }
                Ok(istiod) => drop(self.snapshot.istiods.insert(istiod.pod, istiod.answers)),
                Err(error) => self.problem(section, format!("line {number}"), &error.to_string()),
            },
            _ => {
                let intake = &mut self.intake;
                match with_kind(section, TakeLine { intake, line }) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => self.problem(section, format!("line {number}"), &error),
                    None if number == 1 => {
                        self.problem(section, "frame".to_owned(), "this meshlift does not read it");
                    }
                    None => {}
                }
            }
        }
        if self.skipped > PROBLEMS_MAX {
            return Err(format!("more than {PROBLEMS_MAX} lines of it cannot be read"));
        }
        Ok(())
    }

    /// Notes that a section is there, be it empty.
    pub(crate) fn saw(&mut self, section: &str) {
        self.seen.insert(section.to_owned());
    }

    /// The objects, or the first line that became a problem: of files in which nothing may be skipped.
    pub(crate) fn into_objects(self) -> Result<Objects, ReadProblem> {
        match self.snapshot.problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(self.intake.into_objects()),
        }
    }

    /// The snapshot; `None` where the head is missing.
    ///
    /// A kind that this meshlift reads and the writer did not keep is broken, not empty.
    pub(crate) fn finish(mut self) -> Option<Snapshot> {
        if !self.seen.contains(HEAD) {
            return None;
        }
        for kind in KINDS.iter().filter(|kind| !self.seen.contains(kind.resource)) {
            let kept_nothing =
                matches!(self.snapshot.source(kind.resource), SourceStatus::Read { count } if count > 0);
            if kept_nothing {
                let reason = "the meshlift that wrote this file did not keep these objects".to_owned();
                self.snapshot.sources.insert(kind.resource.to_owned(), SourceStatus::Broken { reason });
            }
        }
        self.snapshot.objects = self.intake.into_objects();
        Some(self.snapshot)
    }

    fn problem(&mut self, section: &str, place: String, problem: &str) {
        self.skipped += 1;
        self.snapshot.problems.push(ReadProblem {
            source: section.to_owned(),
            place,
            problem: format!("{problem}; skipped"),
        });
    }
}

/// Reads one object into the list of its kind.
struct TakeLine<'a> {
    intake: &'a mut Intake,
    line: &'a [u8],
}

impl KindWork for TakeLine<'_> {
    type Output = Result<(), String>;

    fn run<R: Resource + DeserializeOwned>(self) -> Self::Output {
        let object: R = serde_json::from_slice(self.line).map_err(|error| error.to_string())?;
        if object.meta().name.is_empty() {
            return Err("has no metadata.name".to_owned());
        }
        self.intake.take(object);
        Ok(())
    }
}
