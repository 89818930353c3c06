//! Findings in the forms that `check` has for people and programs.

mod blind;
mod by_check;
mod json;
mod markdown;
mod notes;
mod owners;
mod page;
mod screen;

use std::collections::BTreeSet;

use meshlift_checks::assessment::{Assessment, NotRun};
use meshlift_mesh::Mesh;
use meshlift_model::finding::{Finding, Severity, Verdict};
use meshlift_model::names::IstioVersion;
use serde::Serialize;

pub use by_check::by_check;
pub use json::{CheckJson, check_json};
pub use markdown::markdown;
pub use page::html;
pub use screen::screen;

/// What was found, and what of it is shown.
#[derive(Clone, Debug)]
pub struct Results<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// All that the checks say, whatever is shown of it.
    pub assessment: &'a Assessment,
    /// The version that the mesh is to run; `None` where nobody named one.
    pub target: Option<&'a IstioVersion>,
    /// Findings to show.
    pub findings: Vec<&'a Finding>,
    /// Findings that would be shown, had nobody accepted them.
    pub accepted: Vec<Acceptance<'a>>,
    /// Codes of the checks that were asked for.
    pub codes: BTreeSet<&'static str>,
    /// Codes that were asked for one by one: nothing of theirs is summed up.
    pub named: BTreeSet<&'static str>,
    /// The command to go on with.
    pub next: &'a str,
}

/// A finding that somebody accepted.
#[derive(Clone, Copy, Debug)]
pub struct Acceptance<'a> {
    /// What is accepted.
    pub finding: &'a Finding,
    /// Who accepted it.
    pub owner: &'a str,
    /// Last day on which it is accepted.
    pub until: &'a str,
    /// Why.
    pub reason: &'a str,
}

impl Acceptance<'_> {
    /// `accepted by web until 2027-01-31: clients retry`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("accepted by {} until {}: {}", self.owner, self.until, self.reason)
    }
}

impl Results<'_> {
    /// Checks that were asked for and could not be run, for this reason.
    pub(crate) fn not_run(&self, why: NotRun) -> Vec<&'static str> {
        let all = self.assessment.not_run.iter();
        all.filter(|(code, own)| **own == why && self.codes.contains(*code)).map(|(code, _)| *code).collect()
    }
}

/// What a screen is grouped by.
#[derive(Clone, Copy, Debug)]
pub enum Group<'a> {
    /// What follows for an upgrade.
    Consequence,
    /// Namespaces; what is in none comes first.
    Namespace,
    /// Layers of the mesh.
    Layer,
    /// Values of a label: of a workload's pods, else of the workload itself, else of its namespace.
    Label(&'a str),
}

/// Counts of findings; an unknown one counts as unknown alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Failed, severity block.
    pub block: usize,
    /// Failed, severity warn.
    pub warn: usize,
    /// Failed, severity info.
    pub info: usize,
    /// Could not be judged.
    pub unknown: usize,
}

/// Counts findings.
#[must_use]
pub fn summary(findings: &[&Finding]) -> Summary {
    let mut summary = Summary::default();
    for finding in findings {
        match (finding.verdict, finding.severity) {
            (Verdict::Unknown, _) => summary.unknown += 1,
            (Verdict::Fail, Severity::Block) => summary.block += 1,
            (Verdict::Fail, Severity::Warn) => summary.warn += 1,
            (Verdict::Fail, Severity::Info) => summary.info += 1,
        }
    }
    summary
}

impl Summary {
    /// `block 1 · warn 2 · info 0 · unknown 0`.
    pub(crate) fn words(self) -> String {
        let Self { block, warn, info, unknown } = self;
        format!("block {block} · warn {warn} · info {info} · unknown {unknown}")
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Results for the tests of every form.

    use std::sync::Arc;

    use meshlift_checks::catalogue::hazards;
    use meshlift_model::finding::Consequence;
    use meshlift_model::names::ObjectRef;
    use meshlift_model::snapshot::Snapshot;

    use super::*;

    pub(crate) fn finding(code: &str, severity: Severity, consequence: Consequence) -> Finding {
        Finding {
            code: code.into(),
            severity,
            verdict: Verdict::Fail,
            subject: ObjectRef::new("Deployment", "checkout", code),
            title: "t".into(),
            detail: "all 2 pods stop before the first new one starts, for as long as it takes to start"
                .into(),
            hint: "h".into(),
            evidence: vec![],
            docs: "".into(),
            consequence,
            offers: if severity == Severity::Info { vec![] } else { vec!["accept-loss".into()] },
        }
    }

    /// A check that lacks a source.
    pub(crate) fn blind(code: &str, source: &str) -> Finding {
        Finding {
            verdict: Verdict::Unknown,
            subject: ObjectRef::cluster("Source", source),
            detail: format!("`t` cannot be judged: {source} could not be read (cut off)"),
            hint: format!("record {source}, or accept that this is not known").into(),
            evidence: vec![format!("{source}: could not be read (cut off)")],
            offers: vec![],
            ..finding(code, Severity::Warn, Consequence::Blind)
        }
    }

    pub(crate) fn empty_mesh() -> Mesh {
        Mesh::derive(Arc::new(Snapshot::default()))
    }

    /// All of these findings are shown, of all checks.
    pub(crate) fn results<'a>(
        mesh: &'a Mesh,
        assessment: &'a Assessment,
        findings: &'a [Finding],
    ) -> Results<'a> {
        Results {
            mesh,
            assessment,
            target: None,
            findings: findings.iter().collect(),
            accepted: vec![],
            codes: hazards().map(|hazard| hazard.code).collect(),
            named: BTreeSet::new(),
            next: "meshlift plan",
        }
    }
}
