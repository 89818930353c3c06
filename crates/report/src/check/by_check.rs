//! Findings for a terminal, counted by check.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use meshlift_model::finding::{Finding, Severity, Verdict};

use super::Results;
use super::blind::by_source;
use super::screen::{counts, explained};
use crate::text::{Style, WIDTH, count, cut};
use crate::words;

/// Lines of checks: with what comes after them, a screen of 50.
const LINES_MAX: usize = 40;

/// One line for each check that found something, worst first, and for each source that several checks lack: a screen,
/// however many findings there are. Where checks are too many, the last are counted.
#[must_use]
pub fn by_check(results: &Results<'_>, style: Style) -> String {
    let mut checks: BTreeMap<(Reverse<Severity>, &str, bool), Vec<&Finding>> = BTreeMap::new();
    let mut sources = String::new();
    for one in by_source(&results.findings) {
        match one {
            Ok(finding) => {
                let unknown = finding.verdict == Verdict::Unknown;
                checks.entry((Reverse(finding.severity), &finding.code, unknown)).or_default().push(finding);
            }
            Err(blind) => {
                let line = format!("unknown {:>12}  {}", blind.count(), blind.short());
                sources.push_str(&format!("{}\n", cut(&line, WIDTH)));
            }
        }
    }
    let mut text = String::new();
    let rest: Vec<&Vec<&Finding>> = checks.values().skip(LINES_MAX).collect();
    let rest = match rest.len() {
        0 => String::new(),
        more => {
            let findings: usize = rest.iter().map(|findings| findings.len()).sum();
            format!("        {more} more lines, {}: -o table has them\n", count(findings, "finding"))
        }
    };
    for ((Reverse(severity), code, unknown), findings) in checks.into_iter().take(LINES_MAX) {
        let mark = if unknown { "unknown" } else { words::severity(severity) };
        let title = findings.first().map_or("", |finding| &*finding.title);
        let line = format!("{mark:<8}{code} {:>5}  {title}", findings.len());
        text.push_str(&format!("{}\n", cut(&line, WIDTH)));
    }
    text.push_str(&format!("{rest}{sources}{}", counts(results, style)));
    text.push_str(&explained(&results.findings, style));
    text.push_str(&format!("next: {}\n", results.next));
    text
}

#[cfg(test)]
mod tests {
    use meshlift_checks::Assessment;
    use meshlift_model::finding::Consequence;

    use super::*;
    use crate::check::samples::{empty_mesh, finding, results};
    use crate::text::columns;

    #[test]
    fn a_thousand_findings_are_a_screen_by_check() {
        let severities = [Severity::Info, Severity::Warn, Severity::Block];
        let all: Vec<Finding> = (0..1000)
            .map(|number| {
                let code = format!("ML1{:03}", number % 30);
                finding(&code, severities[number % 3], Consequence::Gap)
            })
            .collect();
        let text = by_check(&results(&empty_mesh(), &Assessment::default(), &all), Style::Plain);
        assert!(text.lines().count() <= 40, "{text}");
        assert!(text.starts_with("block   ML1002    34  t\n"), "{text}");
        assert!(text.contains("SUMMARY  block 333 · warn 333 · info 334 · unknown 0\n"), "{text}");
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
    }

    #[test]
    fn more_checks_than_a_screen_has_lines_are_counted() {
        let of = |codes: usize| {
            let all: Vec<Finding> = (0..codes * 10)
                .map(|at| finding(&format!("ML1{:03}", at % codes), Severity::Info, Consequence::Gap))
                .collect();
            by_check(&results(&empty_mesh(), &Assessment::default(), &all), Style::Plain)
        };
        let text = of(100);
        assert!(text.lines().count() <= 50, "{text}");
        assert!(text.contains("        60 more lines, 600 findings: -o table has them\n"), "{text}");
        assert!(!of(LINES_MAX).contains("more lines"));
    }
}
