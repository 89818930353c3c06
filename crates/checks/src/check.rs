//! What a check is: an entry of the catalogue, the sources it needs, and a function.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Workload;
use meshlift_model::EcoString;
use meshlift_model::finding::{Consequence, Finding, Severity, Verdict};
use meshlift_model::names::ObjectRef;

use crate::assessment::NotRun;
use crate::context::Context;
pub(crate) use crate::entry::{Agent, Entry, Layer, Versions};
use crate::flags::is_kept;

/// One check.
pub(crate) struct Check {
    pub(crate) entry: Entry,
    /// Sources without which it cannot judge: resources, or `istiod/ENDPOINT` of every istiod.
    pub(crate) needs: &'static [&'static [&'static str]],
    /// What it finds.
    pub(crate) find: Find,
}

/// What a check looks at.
pub(crate) enum Find {
    /// The mesh as a whole.
    Mesh(fn(&Context<'_>) -> Vec<Hit>),
    /// Each workload that the upgrade restarts. All such checks look at one workload after the other: what is known of it is at
    /// hand then, where a mesh has very many.
    Restarted(fn(&Context<'_>, &Workload) -> Option<Hit>),
}

/// What a check found at one object.
pub(crate) struct Hit {
    subject: ObjectRef,
    detail: String,
    evidence: Vec<String>,
    severity: Option<Severity>,
    verdict: Verdict,
    hint: Option<String>,
    offers: Option<&'static [&'static str]>,
}

impl Hit {
    /// A hazard that is there.
    pub(crate) fn new(subject: &ObjectRef, detail: impl Into<String>) -> Self {
        Self {
            subject: subject.clone(),
            detail: detail.into(),
            evidence: Vec::new(),
            severity: None,
            verdict: Verdict::Fail,
            hint: None,
            offers: None,
        }
    }

    /// A fact that it rests on.
    pub(crate) fn because(mut self, fact: impl Into<String>) -> Self {
        self.evidence.push(fact.into());
        self
    }

    /// Another severity than the catalogue's.
    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Not known to be there, nor not to be.
    pub(crate) fn unknown(mut self) -> Self {
        self.verdict = Verdict::Unknown;
        self
    }

    /// What to do about this one.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Other choices than the catalogue's.
    pub(crate) fn offers(mut self, offers: &'static [&'static str]) -> Self {
        self.offers = Some(offers);
        self
    }
}

/// Findings of all checks: worst consequence first, then by subject and code.
pub(crate) fn run(checks: &[Check], context: &Context<'_>) -> Vec<Finding> {
    // There may be very many, and what comes is nearly in order within each of these.
    let mut by_consequence: BTreeMap<Consequence, Vec<Finding>> = BTreeMap::new();
    let mut add = |finding: Finding| by_consequence.entry(finding.consequence).or_default().push(finding);
    let mut of_workloads = Vec::new();
    for check in checks {
        // All findings of a check lead to one place.
        let docs = check.docs();
        match (check.settled(context), &check.find) {
            (Some(said), _) => said.into_iter().for_each(&mut add),
            (None, Find::Mesh(find)) => {
                find(context).into_iter().for_each(|hit| add(check.finding(hit, &docs)));
            }
            (None, Find::Restarted(find)) => of_workloads.push((check, docs, find)),
        }
    }
    for workload in context.restarted() {
        for (check, docs, find) in &of_workloads {
            find(context, workload).into_iter().for_each(|hit| add(check.finding(hit, docs)));
        }
    }
    let mut all = Vec::with_capacity(by_consequence.values().map(Vec::len).sum());
    for mut findings in by_consequence.into_values() {
        findings.sort_by(|a, b| (&a.subject, &a.code, &a.detail).cmp(&(&b.subject, &b.code, &b.detail)));
        all.append(&mut findings);
    }
    all
}

impl Check {
    /// What it says without looking: where a source is missing, that. `None` where it has to look; nothing where it does not
    /// apply to the versions.
    fn settled(&self, context: &Context<'_>) -> Option<Vec<Finding>> {
        if self.not_run(context).is_some() || is_kept(self.entry.code, context) {
            return Some(Vec::new());
        }
        let sources = self.needs.iter().copied().flatten();
        let unknown: Vec<Finding> =
            sources.filter_map(|source| Some(self.blind(source, &context.missing(source)?))).collect();
        (!unknown.is_empty()).then_some(unknown)
    }

    /// Why it has nothing to say of these versions; `None` if it has.
    pub(crate) fn not_run(&self, context: &Context<'_>) -> Option<NotRun> {
        match (self.entry.versions.apply(context), context.target) {
            (true, _) => None,
            (false, None) => Some(NotRun::NoTarget),
            (false, Some(_)) => Some(NotRun::OtherVersions),
        }
    }

    fn blind(&self, source: &str, reason: &str) -> Finding {
        let subject = match source.split_once('/') {
            Some((place, name)) => ObjectRef::new("Source", place, name),
            None => ObjectRef::cluster("Source", source),
        };
        let hit = Hit::new(&subject, format!("`{}` cannot be judged: {source} {reason}", self.entry.title))
            .because(format!("{source}: {reason}"))
            .hint(format!("record {source}, or accept that this is not known"))
            .unknown();
        let mut finding = self.finding(hit, &self.docs());
        finding.offers =
            if self.entry.may_accept_unknown { vec!["accept-unknown".to_owned()] } else { Vec::new() };
        finding
    }

    fn docs(&self) -> EcoString {
        format!("docs/reference/checks.md#{}", self.entry.code.to_ascii_lowercase()).into()
    }

    fn finding(&self, hit: Hit, docs: &EcoString) -> Finding {
        let entry = &self.entry;
        let mut offers: Vec<String> =
            hit.offers.unwrap_or(entry.offers).iter().map(|word| (*word).to_owned()).collect();
        if !offers.is_empty() && !offers.iter().any(|word| word == "hold-namespace") {
            offers.push("hold-namespace".to_owned());
        }
        let blind = hit.verdict == Verdict::Unknown;
        Finding {
            code: entry.code.into(),
            severity: hit.severity.unwrap_or(entry.severity),
            verdict: hit.verdict,
            subject: hit.subject,
            title: entry.title.into(),
            detail: hit.detail,
            hint: hit.hint.map_or(entry.hint.into(), Into::into),
            evidence: hit.evidence,
            docs: docs.clone(),
            consequence: if blind { Consequence::Blind } else { entry.consequence },
            offers,
        }
    }
}
