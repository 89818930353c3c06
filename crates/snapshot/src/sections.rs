//! A snapshot as named sections of JSON lines: what the file holds packed, and what the digest is over.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{KINDS, KindInfo, KindWork, Objects, Resource, fit_lists, with_kind};
use meshlift_model::snapshot::{IstiodAnswers, ReadProblem, Snapshot, SourceStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::intake::Intake;
use crate::kinds::is_pod_name;
use crate::limits::PROBLEMS_MAX;
use crate::parts::{Numbers, Parts};

/// Section of everything that is no object.
pub(crate) const HEAD: &str = "head";
/// What is wrong with a line whose parts are not there.
const NO_PART: &str = "its parts are not in the file";
/// Section of the istiods' answers.
const ISTIODS: &str = "istiods";
/// Section of the outlines.
const OUTLINES: &str = "outlines";

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

/// All sections of a file: those of [`sections_of`], with what objects have in common once, before them.
pub(crate) fn packed_sections(snapshot: &Snapshot) -> serde_json::Result<Vec<Section>> {
    let mut parts = Parts::default();
    let istiods = snapshot.istiods.iter().map(|(pod, answers)| {
        let mut istiod = Istiod { pod: pod.clone(), answers: answers.clone() };
        let numbers = parts.take_states(&mut istiod.answers);
        serde_json::to_vec(&(numbers, istiod))
    });
    let istiods = Section { name: ISTIODS, lines: istiods.collect::<Result<_, _>>()? };
    let mut objects = Vec::new();
    for kind in KINDS {
        let pack = PackLines { objects: &snapshot.objects, parts: &mut parts };
        let lines = with_kind(kind.resource, pack).unwrap_or(Ok(Vec::new()))?;
        objects.push(Section { name: kind.resource, lines });
    }
    let outlines = snapshot.outlines.iter().map(|outline| serde_json::to_vec(&outline));
    let outlines = Section { name: OUTLINES, lines: outlines.collect::<Result<_, _>>()? };
    let head =
        sections_of(&Snapshot { objects: Objects::default(), istiods: BTreeMap::new(), ..snapshot.clone() })?;
    let head = head.into_iter().filter(|section| section.name == HEAD);
    Ok(head.chain(parts.sections()?).chain([istiods, outlines]).chain(objects).collect())
}

struct PackLines<'a> {
    objects: &'a Objects,
    parts: &'a mut Parts,
}

impl KindWork for PackLines<'_> {
    type Output = serde_json::Result<Vec<Vec<u8>>>;

    fn run<R: Resource + Serialize + Clone>(self) -> Self::Output {
        let mut one = Objects::default();
        let pack = |object: &R| {
            R::list_mut(&mut one).push(object.clone());
            let numbers = self.parts.take(&mut one);
            let line = serde_json::to_vec(&(numbers, R::list(&one).first()));
            R::list_mut(&mut one).clear();
            line
        };
        R::list(self.objects).iter().map(pack).collect()
    }
}

/// Puts sections back together.
#[derive(Default)]
pub(crate) struct Assembly {
    snapshot: Snapshot,
    /// Absent where lines hold whole objects.
    parts: Option<Parts>,
    intake: Intake,
    /// Objects that came in parts: they share them already.
    packed: Packed,
    seen: BTreeSet<String>,
    /// Lines that became problems.
    skipped: usize,
}

impl Assembly {
    /// Of lines that hold numbers for what objects have in common.
    pub(crate) fn of_parts(parts: Parts) -> Self {
        Self { parts: Some(parts), ..Self::default() }
    }

    /// Takes one line. What this meshlift cannot read becomes a problem.
    ///
    /// # Errors
    /// Where the head cannot be read, without which nothing else means anything; or too much else cannot.
    pub(crate) fn take(&mut self, section: &str, number: usize, line: &str) -> Result<(), String> {
        match section {
            HEAD => {
                let head: Head = serde_json::from_str(line).map_err(|error| error.to_string())?;
                self.snapshot.kubernetes_version = head.kubernetes_version;
                self.snapshot.sources = head.sources;
                self.snapshot.problems.extend(head.problems);
            }
            ISTIODS => match self.istiod(line) {
                Ok(istiod) if !is_pod_name(&istiod.pod) => {
                    let problem = format!("`{}` is no name of a pod", istiod.pod);
                    self.problem(section, format!("line {number}"), &problem);
                }
                Ok(istiod) => drop(self.snapshot.istiods.insert(istiod.pod, istiod.answers)),
                Err(error) => self.problem(section, format!("line {number}"), &error),
            },
            OUTLINES => match serde_json::from_str(line) {
                Ok((object, outline)) => drop(self.snapshot.outlines.insert(object, outline)),
                Err(error) => self.problem(section, format!("line {number}"), &error.to_string()),
            },
            _ => {
                if let Some(read) = self.parts.as_mut().and_then(|parts| parts.read(section, line)) {
                    // Everything after it is counted from here.
                    return read.map_err(|error| error.to_string());
                }
                let taken = match &self.parts {
                    Some(parts) => with_kind(section, TakeParts { objects: &mut self.packed, parts, line }),
                    None => with_kind(section, TakeLine { intake: &mut self.intake, line }),
                };
                match taken {
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

    fn istiod(&self, line: &str) -> Result<Istiod, String> {
        let Some(parts) = &self.parts else {
            return serde_json::from_str(line).map_err(|error| error.to_string());
        };
        let (Numbers(numbers), mut istiod): (Numbers, Istiod) =
            serde_json::from_str(line).map_err(|error| error.to_string())?;
        parts.put_states(&numbers, &mut istiod.answers).ok_or_else(|| NO_PART.to_owned())?;
        Ok(istiod)
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
        self.snapshot.objects =
            if self.parts.is_some() { self.packed.objects } else { self.intake.into_objects() };
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
    line: &'a str,
}

impl KindWork for TakeLine<'_> {
    type Output = Result<(), String>;

    fn run<R: Resource + DeserializeOwned>(self) -> Self::Output {
        let object: R = serde_json::from_str(self.line).map_err(|error| error.to_string())?;
        if object.meta().name.is_empty() {
            return Err("has no metadata.name".to_owned());
        }
        self.intake.take(object);
        Ok(())
    }
}

/// Objects that came in parts.
#[derive(Default)]
struct Packed {
    objects: Objects,
    /// The one that is being put together.
    one: Objects,
}

/// Reads one object and puts its parts back.
struct TakeParts<'a> {
    objects: &'a mut Packed,
    parts: &'a Parts,
    line: &'a str,
}

impl KindWork for TakeParts<'_> {
    type Output = Result<(), String>;

    fn run<R: Resource + DeserializeOwned>(self) -> Self::Output {
        let (Numbers(numbers), object): (Numbers, R) =
            serde_json::from_str(self.line).map_err(|error| error.to_string())?;
        if object.meta().name.is_empty() {
            return Err("has no metadata.name".to_owned());
        }
        let Packed { objects, one } = self.objects;
        R::list_mut(one).push(object);
        let put = self.parts.put(&numbers, one);
        fit_lists(one);
        let whole = R::list_mut(one).pop();
        put.ok_or_else(|| NO_PART.to_owned())?;
        R::list_mut(objects).extend(whole);
        Ok(())
    }
}
