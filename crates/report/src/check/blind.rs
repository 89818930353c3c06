//! Checks that lack one source: told by the source, since one list that cannot be read leaves most checks without a word.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Finding, Verdict};

use crate::text::count;

/// Codes that are named of those that lack a source.
const NAMED_MAX: usize = 4;

/// Findings that say of one source why it is missing.
pub(super) struct Blind<'a> {
    /// `pods could not be read (cut off)`.
    why: String,
    findings: Vec<&'a Finding>,
}

/// Findings in their order, with those of one source in the place of the first of them. A source that a single check
/// lacks is left to its finding.
pub(super) fn by_source<'a>(findings: &[&'a Finding]) -> Vec<Result<&'a Finding, Blind<'a>>> {
    let mut sources: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if let Some(source) = source(finding) {
            sources.entry(source).or_default().push(finding);
        }
    }
    sources.retain(|_, findings| findings.len() > 1);
    let mut all = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for finding in findings {
        match source(finding).and_then(|source| sources.get(source).map(|all| (source, all))) {
            None => all.push(Ok(*finding)),
            Some((source, of)) => {
                if told.insert(source) {
                    all.push(Err(Blind { why: source.replacen(": ", " ", 1), findings: of.clone() }));
                }
            }
        }
    }
    all
}

/// The fact that a finding rests on, where it is that a source is missing.
fn source(finding: &Finding) -> Option<&str> {
    let [fact] = finding.evidence.as_slice() else { return None };
    (finding.verdict == Verdict::Unknown && finding.subject.kind == "Source").then_some(fact)
}

impl Blind<'_> {
    /// `pods could not be read (cut off): 119 checks are unknown: ML0001, …`.
    pub(super) fn words(&self) -> String {
        format!("{}: {} unknown: {}", self.why, count(self.count(), "check"), self.codes())
    }

    /// `pods could not be read (cut off): ML0001, …`.
    pub(super) fn short(&self) -> String {
        format!("{}: {}", self.why, self.codes())
    }

    pub(super) fn count(&self) -> usize {
        self.findings.len()
    }

    /// The source.
    pub(super) fn subject(&self) -> String {
        self.findings.first().map_or_else(String::new, |finding| finding.subject.to_string())
    }

    /// What to do about the source.
    pub(super) fn hint(&self) -> &str {
        self.findings.first().map_or("", |finding| &finding.hint)
    }

    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// Codes of all checks that lack it.
    pub(super) fn all_codes(&self) -> Vec<&str> {
        self.findings.iter().map(|finding| finding.code.as_str()).collect()
    }

    /// What may be chosen for any of them.
    pub(super) fn offers(&self) -> BTreeSet<&str> {
        let open = self.findings.iter().filter(|finding| finding.needs_choice());
        open.flat_map(|finding| finding.offers.iter().map(String::as_str)).collect()
    }

    fn codes(&self) -> String {
        let codes: Vec<&str> =
            self.findings.iter().take(NAMED_MAX).map(|finding| finding.code.as_str()).collect();
        let more = self.findings.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", codes.join(", "))
    }
}
