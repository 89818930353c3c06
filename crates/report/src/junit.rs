//! Findings as JUnit's XML, for whatever shows results of tests: a case for each finding, and for each check that found
//! nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshlift_checks::catalogue::hazards;
use meshlift_model::finding::{Finding, Severity, Verdict};

/// The report. Findings of severity `least` and worse fail; what could not be judged is an error then. Others pass, and
/// say what they are.
#[must_use]
pub fn junit(findings: &[&Finding], least: Option<Severity>) -> String {
    let fails = |finding: &Finding| least.is_some_and(|least| finding.severity >= least);
    let found: BTreeSet<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    let quiet: Vec<_> = hazards().filter(|hazard| !found.contains(hazard.code)).collect();
    let of = |verdict: Verdict| findings.iter().filter(|one| fails(one) && one.verdict == verdict).count();
    let (failures, errors) = (of(Verdict::Fail), of(Verdict::Unknown));
    let tests = findings.len() + quiet.len();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">");
    let _ = writeln!(
        text,
        "  <testsuite name=\"meshlift check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">"
    );
    for finding in findings {
        let name = escaped(&format!("{} {}", finding.title, finding.subject));
        let _ = writeln!(text, "    <testcase classname=\"{}\" name=\"{name}\">", finding.code);
        let body = escaped(&format!("{}\n{}\n{}", finding.detail, finding.hint, finding.docs));
        let what = escaped(&finding.detail);
        let _ = match (fails(finding), finding.verdict) {
            (true, Verdict::Fail) => writeln!(text, "      <failure message=\"{what}\">{body}</failure>"),
            (true, Verdict::Unknown) => writeln!(text, "      <error message=\"{what}\">{body}</error>"),
            (false, _) => writeln!(text, "      <system-out>{body}</system-out>"),
        };
        text.push_str("    </testcase>\n");
    }
    for hazard in quiet {
        let _ = writeln!(
            text,
            "    <testcase classname=\"{}\" name=\"{}\"/>",
            hazard.code,
            escaped(hazard.title)
        );
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
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
    use super::*;

    #[test]
    fn text_of_any_kind_is_no_markup() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{7}"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}");
    }

    #[test]
    fn what_fails_is_a_failure_and_every_other_check_passes() {
        let finding = Finding {
            code: "ML1001".into(),
            severity: Severity::Block,
            verdict: Verdict::Fail,
            subject: "Deployment/web/bff".parse().unwrap(),
            title: "t".into(),
            detail: "d <&>".into(),
            hint: "h".into(),
            evidence: vec![],
            docs: "".into(),
            consequence: meshlift_model::finding::Consequence::Gap,
            offers: vec![],
        };
        let unknown = Finding { code: "ML1002".into(), verdict: Verdict::Unknown, ..finding.clone() };
        let all = [&finding, &unknown];
        let text = junit(&all, Some(Severity::Block));
        let cases = text.matches("<testcase ").count();
        assert_eq!(cases, hazards().count());
        assert!(
            text.contains(&format!("<testsuites tests=\"{cases}\" failures=\"1\" errors=\"1\">")),
            "{text}"
        );
        assert!(text.contains("<failure message=\"d &lt;&amp;&gt;\">") && text.contains("<error "), "{text}");
        assert!(junit(&all, None).contains("failures=\"0\" errors=\"0\""));
    }
}
