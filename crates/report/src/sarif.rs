//! Findings as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), for whatever gathers
//! results of analyses.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::catalogue::{Hazard, hazards};
use meshlift_model::finding::{Finding, Severity, Verdict};
use serde::Serialize;

use crate::check::{Acceptance, Results};

/// Where the schema is.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Name of the fingerprint by which a result is known again.
const FINGERPRINT: &str = "meshlift/v1";

/// A log with one run.
#[derive(Clone, Debug, Serialize)]
pub struct Sarif<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Clone, Debug, Serialize)]
struct Run<'a> {
    tool: Tool,
    results: Vec<ResultOf<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text<&'static str>,
    full_description: Text<&'static str>,
    help: Text<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'static str>,
    default_configuration: Configuration,
    properties: Tags,
}

#[derive(Clone, Debug, Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Tags {
    tags: [String; 1],
}

#[derive(Clone, Debug, Serialize)]
struct Text<T> {
    text: T,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOf<'a> {
    rule_id: &'a str,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Text<String>,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    /// Absent where nothing is accepted: the standard (3.27.23) wants it for all results of a run or for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<Vec<Suppression>>,
}

/// That somebody accepted a result, in a file beside what it is about.
#[derive(Clone, Debug, Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    logical_locations: [LogicalLocation; 1],
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

/// The log of what is shown, and of what is accepted; rules are those that found something.
#[must_use]
pub fn sarif<'a>(results: &Results<'a>, version: &'static str) -> Sarif<'a> {
    let accepted = results.accepted.iter().map(|one| (one.finding, Some(one)));
    let all = results.findings.iter().map(|finding| (*finding, None)).chain(accepted);
    let all: Vec<(&'a Finding, Option<&Acceptance<'a>>)> = all.collect();
    let codes: BTreeSet<&str> = all.iter().map(|(finding, _)| finding.code.as_str()).collect();
    let rules: Vec<Rule> =
        hazards().filter(|hazard| codes.contains(hazard.code)).map(|hazard| rule(&hazard)).collect();
    let place = |code: &str| rules.iter().position(|rule| rule.id == code).unwrap_or_default();
    let is_any_accepted = !results.accepted.is_empty();
    let one = |(finding, acceptance): &(&'a Finding, Option<&Acceptance<'a>>)| ResultOf {
        suppressions: is_any_accepted.then(|| acceptance.map(suppression).into_iter().collect()),
        ..result(finding, place(&finding.code))
    };
    let results = all.iter().map(one).collect();
    let driver = Driver { name: "meshlift", version, rules };
    Sarif { schema: SCHEMA, version: "2.1.0", runs: [Run { tool: Tool { driver }, results }] }
}

fn suppression(acceptance: &Acceptance<'_>) -> Suppression {
    Suppression { kind: "external", status: "accepted", justification: acceptance.words() }
}

fn rule(hazard: &Hazard) -> Rule {
    Rule {
        id: hazard.code,
        short_description: Text { text: hazard.title },
        full_description: Text { text: hazard.why },
        help: Text { text: hazard.fix },
        help_uri: hazard.sources.iter().copied().find(|source| source.starts_with("https://")),
        default_configuration: Configuration { level: level(hazard.severity) },
        properties: Tags { tags: [hazard.layer.to_string()] },
    }
}

fn result(finding: &Finding, rule_index: usize) -> ResultOf<'_> {
    // What could not be judged has no level, says the standard (3.27.10).
    let (kind, level) = match finding.verdict {
        Verdict::Fail => ("fail", level(finding.severity)),
        Verdict::Unknown => ("open", "none"),
    };
    let name = LogicalLocation { fully_qualified_name: finding.subject.to_string(), kind: "resource" };
    ResultOf {
        rule_id: &finding.code,
        rule_index,
        kind,
        level,
        message: Text { text: format!("{}: {}; {}", finding.subject, finding.detail, finding.hint) },
        locations: [Location { logical_locations: [name] }],
        partial_fingerprints: [(FINGERPRINT, finding.key())].into(),
        suppressions: None,
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Block => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

#[cfg(test)]
mod tests {
    use meshlift_checks::Assessment;
    use meshlift_model::finding::Consequence;

    use super::*;
    use crate::check::samples;

    fn finding(code: &str, severity: Severity, verdict: Verdict) -> Finding {
        Finding { verdict, ..samples::finding(code, severity, Consequence::Gap) }
    }

    #[test]
    fn what_is_accepted_is_a_suppressed_result_and_others_say_that_they_are_none() {
        let all = [
            finding("ML5001", Severity::Block, Verdict::Fail),
            finding("ML1001", Severity::Warn, Verdict::Fail),
        ];
        let (mesh, assessment) = (samples::empty_mesh(), Assessment::default());
        let mut shown = samples::results(&mesh, &assessment, &all[..1]);
        let results = |shown: &Results<'_>| {
            serde_json::to_value(sarif(shown, "1")).unwrap()["runs"][0]["results"].clone()
        };
        assert!(results(&shown)[0].get("suppressions").is_none());
        let finding = &all[1];
        shown.accepted = vec![Acceptance { finding, owner: "web", until: "2027-01-31", reason: "known" }];
        let said = results(&shown);
        assert_eq!(said[0]["suppressions"], serde_json::json!([]));
        let words = "accepted by web until 2027-01-31: known";
        let one = serde_json::json!([{"kind": "external", "status": "accepted", "justification": words}]);
        assert_eq!((&said[1]["ruleId"], &said[1]["suppressions"]), (&"ML1001".into(), &one));
    }

    #[test]
    fn results_point_at_their_rules_and_what_is_unknown_is_open() {
        let all = [
            finding("ML5001", Severity::Block, Verdict::Fail),
            finding("ML1001", Severity::Warn, Verdict::Unknown),
        ];
        let (mesh, assessment) = (samples::empty_mesh(), Assessment::default());
        let shown = samples::results(&mesh, &assessment, &all);
        let log = serde_json::to_value(sarif(&shown, "1.2.3")).unwrap();
        let run = &log["runs"][0];
        assert_eq!((&log["version"], &run["tool"]["driver"]["version"]), (&"2.1.0".into(), &"1.2.3".into()));
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let says = |at: usize| (run["results"][at]["kind"].clone(), run["results"][at]["level"].clone());
        assert_eq!(says(0), ("fail".into(), "error".into()));
        assert_eq!(says(1), ("open".into(), "none".into()));
    }
}
