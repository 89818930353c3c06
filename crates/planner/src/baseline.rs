//! Findings that somebody has accepted: a file with an owner and an end for each.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::Assessment;
use meshlift_checks::catalogue::severity;
use meshlift_model::finding::{Finding, Verdict};
use serde::Deserialize;

use crate::versions::Day;

/// Version of the file's form.
const FORMAT_VERSION: u32 = 1;

/// A file of accepted findings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It has another shape.
    #[error("the baseline cannot be understood: {0}")]
    Shape(String),
    /// It is of another form.
    #[error("the baseline has format_version {0}; this program reads {FORMAT_VERSION}")]
    Format(u32),
    /// An entry that is none.
    #[error("the baseline's entry for {key} {why}")]
    Entry {
        /// `CODE SUBJECT`.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Accepted findings; none by default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    format_version: u32,
    accepted: Vec<Accepted>,
}

/// One accepted finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Code.
    pub code: String,
    /// Subject, as findings name it.
    pub subject: String,
    /// Who accepted it.
    pub owner: String,
    /// Last day on which it is accepted, `YYYY-MM-DD`.
    pub until: String,
    /// Why.
    pub reason: String,
}

/// Findings, sorted by a baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sorted<'a> {
    /// What nobody accepted, or not any more.
    pub open: Vec<&'a Finding>,
    /// What is accepted, with its entry.
    pub accepted: Vec<(&'a Finding, &'a Accepted)>,
    /// Entries that ended, and whose finding is still there.
    pub ended: Vec<&'a Accepted>,
    /// Entries whose finding is not there any more, though its check was run and could judge.
    pub idle: Vec<&'a Accepted>,
}

impl Accepted {
    /// `CODE SUBJECT`: one entry each.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.code, self.subject)
    }
}

impl Baseline {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it is no such file, or an entry lacks an owner, a reason or an end.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let shape = |error: &serde_saphyr::Error| BaselineError::Shape(error.without_snippet().to_string());
        let baseline: Self = serde_saphyr::from_str(text).map_err(|error| shape(&error))?;
        if baseline.format_version != FORMAT_VERSION {
            return Err(BaselineError::Format(baseline.format_version));
        }
        let mut keys = BTreeSet::new();
        for one in &baseline.accepted {
            let refuse = |why: &str| BaselineError::Entry { key: one.key(), why: why.to_owned() };
            if !keys.insert(one.key()) {
                return Err(refuse("is there twice"));
            }
            if severity(&one.code).is_none() {
                return Err(refuse("is of a check that does not exist"));
            }
            if one.owner.trim().is_empty() || one.reason.trim().is_empty() {
                return Err(refuse("has no owner or no reason"));
            }
            if one.until.parse::<Day>().is_err() {
                return Err(refuse(&format!("ends on `{}`, which is no day (YYYY-MM-DD)", one.until)));
            }
        }
        Ok(baseline)
    }

    /// Sorts findings as they are accepted on a day. What could not be judged is never accepted by this: it may be anything.
    /// An entry whose check was not run is neither there nor gone.
    #[must_use]
    pub fn sort<'a>(&'a self, assessment: &'a Assessment, today: Day) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        if self.accepted.is_empty() {
            sorted.open.extend(&assessment.findings);
            return sorted;
        }
        let key = |finding: &Finding| format!("{} {}", finding.code, finding.subject);
        let found: BTreeSet<String> = assessment.findings.iter().map(key).collect();
        let unknown = assessment.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown);
        let unknown: BTreeSet<&str> = unknown.map(|finding| finding.code.as_str()).collect();
        let was_judged = |code: &str| !unknown.contains(code) && !assessment.not_run.contains_key(code);
        let mut standing: BTreeMap<String, &Accepted> = BTreeMap::new();
        for one in &self.accepted {
            let stands = one.until.parse::<Day>().is_ok_and(|until| today <= until);
            match (found.contains(&one.key()), stands) {
                (true, false) => sorted.ended.push(one),
                (false, _) if was_judged(&one.code) => sorted.idle.push(one),
                (true, true) | (false, _) => {}
            }
            if stands {
                standing.insert(one.key(), one);
            }
        }
        for finding in &assessment.findings {
            match standing.get(&key(finding)).filter(|_| finding.verdict == Verdict::Fail) {
                Some(entry) => sorted.accepted.push((finding, entry)),
                None => sorted.open.push(finding),
            }
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use meshlift_checks::NotRun;
    use meshlift_model::finding::{Consequence, Severity};

    use super::*;

    fn finding(code: &str, verdict: Verdict) -> Finding {
        Finding {
            code: code.into(),
            severity: Severity::Warn,
            verdict,
            subject: "Deployment/web/bff".parse().unwrap(),
            title: "".into(),
            detail: String::new(),
            hint: "".into(),
            evidence: Vec::new(),
            docs: "".into(),
            consequence: Consequence::Shared,
            offers: Vec::new(),
        }
    }

    fn entry(code: &str, until: &str) -> String {
        format!(
            "- {{code: {code}, subject: Deployment/web/bff, owner: web, until: {until}, reason: known}}\n"
        )
    }

    fn of(entries: &[String]) -> Result<Baseline, BaselineError> {
        Baseline::parse(&format!("format_version: 1\naccepted:\n{}", entries.concat()))
    }

    fn assessment(findings: Vec<Finding>) -> Assessment {
        Assessment { findings, ..Assessment::default() }
    }

    #[test]
    fn what_is_accepted_is_so_until_its_day_is_over() {
        let baseline = of(&[
            entry("ML1040", "2026-12-31"),
            entry("ML1041", "2026-01-01"),
            entry("ML1042", "2026-12-31"),
        ])
        .unwrap();
        let all = assessment(vec![finding("ML1040", Verdict::Fail), finding("ML1041", Verdict::Fail)]);
        let on = |day: &str| baseline.sort(&all, day.parse().unwrap());
        let sorted = on("2026-12-31");
        let accepted: Vec<&str> = sorted.accepted.iter().map(|(finding, _)| finding.code.as_str()).collect();
        let open: Vec<&str> = sorted.open.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((accepted, open), (vec!["ML1040"], vec!["ML1041"]));
        assert_eq!(sorted.accepted[0].1.owner, "web");
        assert_eq!((sorted.ended[0].code.as_str(), sorted.idle[0].code.as_str()), ("ML1041", "ML1042"));
        assert!(on("2027-01-01").accepted.is_empty());
    }

    #[test]
    fn what_could_not_be_judged_is_not_accepted() {
        let baseline = of(&[entry("ML1040", "2026-12-31")]).unwrap();
        let all = assessment(vec![finding("ML1040", Verdict::Unknown)]);
        let sorted = baseline.sort(&all, "2026-11-27".parse().unwrap());
        assert!(sorted.accepted.is_empty() && sorted.open.len() == 1);
    }

    #[test]
    fn entries_of_checks_that_were_not_run_or_could_not_judge_are_not_gone() {
        let baseline = of(&[entry("ML0005", "2026-12-31"), entry("ML1040", "2026-12-31")]).unwrap();
        let mut blind = finding("ML1040", Verdict::Unknown);
        blind.subject = "Source/pods".parse().unwrap();
        let mut all = assessment(vec![blind]);
        all.not_run.insert("ML0005", NotRun::NoTarget);
        assert!(baseline.sort(&all, "2026-11-27".parse().unwrap()).idle.is_empty());
        let all = Assessment::default();
        assert_eq!(baseline.sort(&all, "2026-11-27".parse().unwrap()).idle.len(), 2);
    }

    #[test]
    fn entries_without_owner_reason_or_end_are_refused() {
        let refused = |entries: &[String]| of(entries).unwrap_err().to_string();
        assert!(refused(&[entry("ML1400", "2026-12-31")]).contains("a check that does not exist"));
        assert!(refused(&[entry("ML1040", "soon")]).contains("no day"));
        assert!(refused(&[entry("ML1040", "2026-12-31"), entry("ML1040", "2026-12-30")]).contains("twice"));
        assert!(
            refused(&[entry("ML1040", "2026-12-31").replace("owner: web", "owner: ''")]).contains("no owner")
        );
        assert!(refused(&[entry("ML1040", "2026-12-31").replace("reason", "raison")]).contains("raison"));
        assert!(Baseline::parse("format_version: 9\naccepted: []").unwrap_err().to_string().contains('9'));
    }
}
