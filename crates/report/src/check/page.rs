//! Findings as one HTML file, for whoever has no terminal at hand.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::catalogue::{flags, hazards};
use meshlift_model::finding::{Consequence, Finding, Verdict};

use super::blind::{Blind, by_source};
use super::{Results, notes};
use crate::inspect::istio_versions;
use crate::page::markup::{Markup, el};
use crate::page::parts::{Column, code, folded, list, note, section, severity, table};
use crate::page::{banner, contents, page};
use crate::words::{self, capitalised};

/// Findings of a group that are written out; the rest is counted, and the other forms have them all.
const SHOWN_MAX: usize = 500;

/// The page.
#[must_use]
pub fn html(results: &Results<'_>) -> String {
    let findings = results.findings.as_slice();
    let runs = istio_versions(results.mesh).join(" and ");
    let title = if runs.is_empty() { "A mesh".to_owned() } else { format!("A mesh of Istio {runs}") };
    let mut groups: BTreeMap<Consequence, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(finding.consequence).or_default().push(finding);
    }
    let names: Vec<(String, String)> = groups
        .keys()
        .map(|one| words::consequence(*one).0)
        .map(|name| (id(name), capitalised(name)))
        .collect();
    let links = std::iter::once(("summary", "Summary"))
        .chain(names.iter().map(|(id, word)| (id.as_str(), word.as_str())));
    let skip = el("a", &[("class", "skip"), ("href", "#summary")], "Skip to the summary");
    let sections = groups.iter().map(|(consequence, findings)| group(*consequence, findings));
    let main = overview(results).and(sections.collect::<Markup>());
    let body = [skip, banner("meshlift · check", &title), contents(links), el("main", &[], main)];
    page(&format!("{title}: what an upgrade meets"), body)
}

fn overview(results: &Results<'_>) -> Markup {
    let findings = results.findings.as_slice();
    let sum = super::summary(findings);
    let said = format!("{} block, {} warn, {} info, {} unknown.", sum.block, sum.warn, sum.info, sum.unknown);
    // What was found, and what could not be judged.
    let mut checks: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for finding in findings {
        checks.entry(&finding.code).or_default()[usize::from(finding.verdict == Verdict::Unknown)] += 1;
    }
    let columns = [
        Column::Text("check"),
        Column::Text("what"),
        Column::Figure("found"),
        Column::Figure("unknown"),
        Column::Text("layer"),
    ];
    let rows = hazards().filter_map(|hazard| {
        let counts = checks.get(hazard.code)?;
        let figure = |count: usize| if count == 0 { "–".to_owned() } else { count.to_string() };
        let [found, unknown] = counts.map(|count| Markup::from(figure(count)));
        Some(vec![code(hazard.code), hazard.title.into(), found, unknown, hazard.layer.to_string().into()])
    });
    let not_shown = [notes::without_target(results), notes::accepted(&results.accepted)];
    let not_shown = not_shown.into_iter().flatten().map(|said| note(&format!("{}.", capitalised(&said))));
    let mut body = note(&said).and(not_shown.collect::<Markup>()).and(table(
        "Checks that found something, or could not judge",
        &columns,
        rows,
    ));
    let flags = flags(findings);
    if !flags.is_empty() {
        let flags = flags.iter().map(|flag| code(flag.set()).and(format!(" ({})", flag.code)));
        body = body
            .and(el("h3", &[], "Settings of the new revision that keep today's behaviour"))
            .and(list(flags, ""));
    }
    section("summary", "Summary", body.and(el("p", &[], Markup::from("Next: ").and(code(results.next)))))
}

fn group(consequence: Consequence, findings: &[&Finding]) -> Markup {
    let (name, meaning) = words::consequence(consequence);
    let subjects: BTreeSet<_> = findings.iter().map(|finding| &finding.subject).collect();
    let entries = by_source(findings);
    let more = entries.len().saturating_sub(SHOWN_MAX);
    let shown = entries.into_iter().take(SHOWN_MAX);
    let items: Markup = shown.map(|one| one.map_or_else(|blind| blind_item(&blind), item)).collect();
    let mut body =
        note(&format!("{meaning} ({})", subjects.len())).and(el("ul", &[("class", "findings")], items));
    if more > 0 {
        body = body.and(el("p", &[], format!("and {more} more")));
    }
    section(&id(name), &capitalised(name), body)
}

/// A name as an anchor.
fn id(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

/// All checks that lack one source; the table above has their names.
fn blind_item(blind: &Blind<'_>) -> Markup {
    let head = el("p", &[("class", "subject")], code(blind.subject()));
    let todo = el("p", &[("class", "note")], format!("What to do: {}.", blind.hint()));
    el("li", &[], head.and(el("p", &[], blind.words())).and(todo))
}

fn item(finding: &Finding) -> Markup {
    let head = severity(finding)
        .and(" ")
        .and(code(finding.code.as_str()))
        .and(" ")
        .and(code(finding.subject.to_string()));
    let mut body = el("p", &[("class", "subject")], head).and(el("p", &[], finding.detail.as_str()));
    body = body.and(el("p", &[("class", "note")], format!("What to do: {}.", finding.hint)));
    if !finding.evidence.is_empty() {
        let evidence = finding.evidence.iter().map(code);
        body = body.and(folded("What it rests on", list(evidence, "")));
    }
    el("li", &[], body)
}

#[cfg(test)]
mod tests {
    use meshlift_checks::assessment::{Assessment, NotRun};
    use meshlift_model::finding::Severity;
    use meshlift_model::names::ObjectRef;

    use super::*;
    use crate::check::samples;

    #[test]
    fn a_page_shows_each_finding_once_and_no_markup_of_a_name() {
        let all = [Finding {
            subject: ObjectRef::new("Deployment", "web", "<b>bff</b>"),
            detail: "none is kept".into(),
            hint: "keep one".into(),
            evidence: vec!["fact".into()],
            ..samples::finding("ML1001", Severity::Block, Consequence::Gap)
        }];
        let mesh = samples::empty_mesh();
        let assessment =
            Assessment { not_run: [("ML0005", NotRun::NoTarget)].into(), ..Assessment::default() };
        let html = html(&samples::results(&mesh, &assessment, &all));
        assert_eq!(html.matches("none is kept").count(), 1);
        assert!(html.contains("&lt;b&gt;bff&lt;/b&gt;") && !html.contains("<b>bff"), "{html}");
        assert!(html.contains("1 block, 0 warn") && html.contains("What to do: keep one."), "{html}");
        assert!(html.contains("Without --to, 1 check of the target was not run: ML0005."), "{html}");
    }
}
