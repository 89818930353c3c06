//! Findings as JUnit's XML, for whatever shows results of tests: a case for each finding, and for each check that found
//! nothing. What was not judged or not run is skipped, with the reason: it did not pass.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshlift_checks::assessment::NotRun;
use meshlift_checks::catalogue::hazards;
use meshlift_model::finding::{Finding, Severity, Verdict};

use crate::check::Results;

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// One case: a test, as those who read such files call it.
struct Case<'a> {
    code: &'a str,
    name: String,
    outcome: Outcome,
    /// One line of why.
    what: String,
    /// More of it.
    body: String,
}

/// The report. Findings of severity `least` and worse fail; what could not be judged is an error then. Checks that were not
/// asked for are not in it.
#[must_use]
pub fn junit(results: &Results<'_>, least: Option<Severity>) -> String {
    let mut cases: Vec<Case<'_>> =
        results.findings.iter().map(|finding| of_finding(finding, least)).collect();
    cases.extend(results.accepted.iter().map(|one| {
        let name = format!("{} {}", one.finding.title, one.finding.subject);
        Case { name, ..skipped(&one.finding.code, one.words()) }
    }));
    let told: BTreeSet<String> = cases.iter().map(|case| case.code.to_owned()).collect();
    cases.extend(quiet(results, &told));
    let of = |outcome: Outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let (failures, errors) = (of(Outcome::Failure), of(Outcome::Error));
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.len());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites {counts}>");
    let skipped = of(Outcome::Skipped);
    let _ = writeln!(text, "  <testsuite name=\"meshlift check\" {counts} skipped=\"{skipped}\">");
    cases.iter().for_each(|case| write_case(&mut text, case));
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn of_finding(finding: &Finding, least: Option<Severity>) -> Case<'_> {
    let fails = least.is_some_and(|least| finding.severity >= least);
    let outcome = match (fails, finding.verdict) {
        (true, Verdict::Fail) => Outcome::Failure,
        (true, Verdict::Unknown) => Outcome::Error,
        (false, Verdict::Fail) => Outcome::Passed,
        (false, Verdict::Unknown) => Outcome::Skipped,
    };
    Case {
        code: &finding.code,
        name: format!("{} {}", finding.title, finding.subject),
        outcome,
        what: finding.detail.clone(),
        body: format!("{}\n{}\n{}", finding.detail, finding.hint, finding.docs),
    }
}

/// Checks of which no finding is in the report: most of them found nothing.
fn quiet<'a>(results: &'a Results<'_>, told: &'a BTreeSet<String>) -> impl Iterator<Item = Case<'a>> {
    let found: BTreeSet<&str> =
        results.assessment.findings.iter().map(|finding| finding.code.as_str()).collect();
    let asked = hazards().filter(|one| results.codes.contains(one.code) && !told.contains(one.code));
    asked.map(move |hazard| {
        let why = match results.assessment.not_run.get(hazard.code) {
            Some(NotRun::NoTarget) => Some("not run: it is about the target, and there is none (--to)"),
            Some(NotRun::OtherVersions) => Some("not run: it is about a change between other versions"),
            None => found.contains(hazard.code).then_some("what it found is not shown"),
        };
        let passed = || Case { outcome: Outcome::Passed, ..skipped(hazard.code, String::new()) };
        let case = why.map_or_else(passed, |why| skipped(hazard.code, why.to_owned()));
        Case { name: hazard.title.to_owned(), ..case }
    })
}

fn skipped(code: &str, what: String) -> Case<'_> {
    Case { code, name: String::new(), outcome: Outcome::Skipped, what, body: String::new() }
}

fn write_case(text: &mut String, case: &Case<'_>) {
    let (name, what, body) = (escaped(&case.name), escaped(&case.what), escaped(&case.body));
    let inside = match case.outcome {
        Outcome::Failure => format!("<failure message=\"{what}\">{body}</failure>"),
        Outcome::Error => format!("<error message=\"{what}\">{body}</error>"),
        Outcome::Skipped => format!("<skipped message=\"{what}\"/>"),
        Outcome::Passed if body.is_empty() => String::new(),
        Outcome::Passed => format!("<system-out>{body}</system-out>"),
    };
    let _ = write!(text, "    <testcase classname=\"{}\" name=\"{name}\"", case.code);
    let _ = if inside.is_empty() {
        writeln!(text, "/>")
    } else {
        writeln!(text, ">\n      {inside}\n    </testcase>")
    };
}

/// Text between tags or in quotes. Characters that XML cannot hold become a replacement character.
fn escaped(text: &str) -> String {
    let one = |ch: char| match ch {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' => "&#10;".to_owned(),
        ch if ch.is_control() => char::REPLACEMENT_CHARACTER.to_string(),
        ch => ch.to_string(),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use meshlift_checks::Assessment;
    use meshlift_model::finding::Consequence;

    use super::*;
    use crate::check::{Acceptance, samples};

    #[test]
    fn text_of_any_kind_is_no_markup() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{7}"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}");
    }

    /// What stands in the case of a code, on one line.
    fn case<'a>(text: &'a str, code: &str) -> &'a str {
        let case = text.split("<testcase ").find(|case| case.contains(code)).unwrap();
        ["</testsuite>", "</testcase>"]
            .iter()
            .fold(case, |case, end| case.split(end).next().unwrap_or_default())
            .trim_end()
    }

    fn all() -> [Finding; 2] {
        let finding = Finding {
            detail: "d <&>".into(),
            ..samples::finding("ML1001", Severity::Block, Consequence::Gap)
        };
        let unknown = Finding { code: "ML1002".into(), verdict: Verdict::Unknown, ..finding.clone() };
        [finding, unknown]
    }

    #[test]
    fn what_fails_is_a_failure_and_what_found_nothing_passes() {
        let (mesh, assessment, all) = (samples::empty_mesh(), Assessment::default(), all());
        let shown = samples::results(&mesh, &assessment, &all);
        let text = junit(&shown, Some(Severity::Block));
        let cases = text.matches("<testcase ").count();
        assert_eq!(cases, hazards().count());
        assert!(
            text.contains(&format!("<testsuites tests=\"{cases}\" failures=\"1\" errors=\"1\">")),
            "{text}"
        );
        assert!(text.contains("<failure message=\"d &lt;&amp;&gt;\">") && text.contains("<error "), "{text}");
        let text = junit(&shown, None);
        assert!(text.contains("failures=\"0\" errors=\"0\" skipped=\"1\""), "{text}");
        assert!(case(&text, "ML1002").ends_with("<skipped message=\"d &lt;&amp;&gt;\"/>"), "{text}");
    }

    #[test]
    fn what_was_not_run_or_not_shown_did_not_pass_and_what_was_not_asked_for_is_no_case() {
        let mesh = samples::empty_mesh();
        let not_run = [("ML0005", NotRun::NoTarget), ("ML4101", NotRun::OtherVersions)].into();
        let assessment = Assessment { findings: all().into(), not_run, ..Assessment::default() };
        let mut shown = samples::results(&mesh, &assessment, &[]);
        shown.codes = ["ML0005", "ML1001", "ML1003", "ML4101"].into();
        let text = junit(&shown, Some(Severity::Block));
        assert_eq!(text.matches("<testcase ").count(), 4, "{text}");
        for (code, why) in
            [("ML0005", "(--to)"), ("ML4101", "between other versions"), ("ML1001", "not shown")]
        {
            assert!(case(&text, code).ends_with(&format!("{why}\"/>")), "{code}: {text}");
        }
        assert!(
            case(&text, "ML1003").ends_with("/>") && !case(&text, "ML1003").contains("skipped"),
            "{text}"
        );
    }

    #[test]
    fn what_is_accepted_is_skipped_with_its_owner_and_its_end() {
        let (mesh, assessment, all) = (samples::empty_mesh(), Assessment::default(), all());
        let mut shown = samples::results(&mesh, &assessment, &[]);
        let finding = &all[0];
        shown.accepted = vec![Acceptance { finding, owner: "web", until: "2027-01-31", reason: "known" }];
        let text = junit(&shown, Some(Severity::Block));
        let said = "<skipped message=\"accepted by web until 2027-01-31: known\"/>";
        assert!(case(&text, "ML1001").ends_with(said), "{text}");
    }
}
