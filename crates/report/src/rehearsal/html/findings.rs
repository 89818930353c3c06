//! Findings, grouped by what follows for an upgrade, with what the intent decided about each.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Finding};
use meshlift_model::intent::{Choice, Intent};

use crate::check;
use crate::page::markup::{Markup, el};
use crate::page::parts::{badge, code, note, section, severity};
use crate::rehearsal::Rehearsal;
use crate::words::{self, capitalised};

/// Findings of a group that are shown; the rest is counted, and `meshlift check` has them all.
const SHOWN_MAX: usize = 200;

/// The section.
pub(super) fn findings(rehearsal: &Rehearsal<'_>) -> Markup {
    let findings = &rehearsal.assessment.findings;
    let mut groups: BTreeMap<Consequence, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(finding.consequence).or_default().push(finding);
    }
    let sum = check::summary(&findings.iter().collect::<Vec<_>>());
    let said = format!(
        "What the checks say of the mesh at the start, worst first: {} block, {} warn, {} info, {} unknown.",
        sum.block, sum.warn, sum.info, sum.unknown
    );
    let intent = &rehearsal.plan.intent;
    let groups: Markup =
        groups.into_iter().map(|(consequence, findings)| group(consequence, &findings, intent)).collect();
    section("findings", "Findings", note(&said).and(groups))
}

fn group(consequence: Consequence, findings: &[&Finding], intent: &Intent) -> Markup {
    let (name, meaning) = words::consequence(consequence);
    let subjects: BTreeSet<_> = findings.iter().map(|finding| &finding.subject).collect();
    let summary =
        el("h3", &[], capitalised(name)).and(el("span", &[], format!("{meaning} ({})", subjects.len())));
    let summary = el("summary", &[], summary);
    let items: Markup = findings.iter().take(SHOWN_MAX).map(|finding| item(finding, intent)).collect();
    let mut body = summary.and(el("ul", &[("class", "findings")], items));
    if findings.len() > SHOWN_MAX {
        body = body.and(el("p", &[], format!("and {} more", findings.len() - SHOWN_MAX)));
    }
    let asks = findings.iter().any(|finding| finding.needs_choice());
    let open: &[(&str, &str)] = if asks { &[("open", "open")] } else { &[] };
    el("details", open, body)
}

fn item(finding: &Finding, intent: &Intent) -> Markup {
    let head = severity(finding)
        .and(" ")
        .and(code(finding.code.as_str()))
        .and(" ")
        .and(code(finding.subject.to_string()));
    let mut body = el("p", &[("class", "subject")], head).and(el("p", &[], finding.detail.as_str()));
    if finding.needs_choice() {
        body = body.and(decision(finding, intent));
    }
    el("li", &[], body)
}

fn decision(finding: &Finding, intent: &Intent) -> Markup {
    let chosen: Vec<&Choice> = intent.choices.iter().filter(|choice| decides(choice, finding)).collect();
    if chosen.is_empty() {
        let offers = finding.offers.join(", ");
        return el("p", &[("class", "waits")], format!("Not decided. Choose: {offers}. {}", finding.hint));
    }
    let words = chosen.iter().map(|choice| {
        let text = format!("{}: {}", choice.choose, choice.reason);
        el("p", &[("class", "decided")], badge("good", "✓", "decided").and(" ").and(text))
    });
    words.collect()
}

fn decides(choice: &Choice, finding: &Finding) -> bool {
    choice.subject == finding.subject
        && choice.hazard.as_ref().is_none_or(|hazard| *hazard == finding.code)
        && finding.offers.iter().any(|offer| offer == choice.choose.word())
}
