//! Findings for a terminal, counted by check.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use meshlift_model::finding::{Finding, Severity, Verdict};

use super::Results;
use super::blind::by_source;
use super::screen::counts;
use crate::text::{Style, WIDTH, cut};
use crate::words;

/// One line for each check that found something, worst first, and for each source that several checks lack: a screen,
/// however many findings there are.
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
    for ((Reverse(severity), code, unknown), findings) in checks {
        let mark = if unknown { "unknown" } else { words::severity(severity) };
        let title = findings.first().map_or("", |finding| &*finding.title);
        let line = format!("{mark:<8}{code} {:>5}  {title}", findings.len());
        text.push_str(&format!("{}\n", cut(&line, WIDTH)));
    }
    text.push_str(&format!("{sources}{}next: {}\n", counts(results, style), results.next));
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
}
