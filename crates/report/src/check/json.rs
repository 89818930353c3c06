//! Findings as JSON.

use meshlift_checks::assessment::NotRun;
use meshlift_checks::catalogue::flags;
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::finding::{Consequence, Finding, Severity, Verdict};
use serde::Serialize;

use super::{Acceptance, Results, Summary, summary};
use crate::inspect::{istio_versions, sources};

/// JSON of `check`; its shape is stable.
#[derive(Clone, Debug, Serialize)]
pub struct CheckJson<'a> {
    format_version: u32,
    mesh: MeshJson,
    /// The version that the mesh is to run.
    target: Option<String>,
    findings: Vec<FindingJson<'a>>,
    /// What somebody accepted: not among the findings, and not counted.
    accepted: Vec<AcceptedJson<'a>>,
    /// Checks that were asked for and not run.
    not_run: Vec<NotRunJson>,
    /// Settings of the new revision that keep today's behaviour.
    flags: Vec<FlagJson>,
    summary: Summary,
}

#[derive(Clone, Debug, Serialize)]
struct FlagJson {
    code: &'static str,
    set: String,
}

#[derive(Clone, Debug, Serialize)]
struct MeshJson {
    kubernetes_version: Option<String>,
    istio_versions: Vec<String>,
    sources: Vec<crate::inspect::SourceJson>,
}

#[derive(Clone, Debug, Serialize)]
struct FindingJson<'a> {
    code: &'a str,
    severity: Severity,
    verdict: Verdict,
    subject: SubjectJson<'a>,
    title: &'a str,
    detail: &'a str,
    hint: &'a str,
    evidence: &'a [String],
    docs: &'a str,
    consequence: Consequence,
    offers: &'a [String],
}

#[derive(Clone, Debug, Serialize)]
struct AcceptedJson<'a> {
    #[serde(flatten)]
    finding: FindingJson<'a>,
    owner: &'a str,
    until: &'a str,
    reason: &'a str,
}

#[derive(Clone, Debug, Serialize)]
struct NotRunJson {
    code: &'static str,
    why: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct SubjectJson<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

/// The document for what is shown.
#[must_use]
pub fn check_json<'a>(results: &Results<'a>) -> CheckJson<'a> {
    let Results { mesh, findings, .. } = results;
    let accepted = |one: &Acceptance<'a>| AcceptedJson {
        finding: finding_json(one.finding),
        owner: one.owner,
        until: one.until,
        reason: one.reason,
    };
    let not_run = |why: NotRun, word: &'static str| {
        results.not_run(why).into_iter().map(move |code| NotRunJson { code, why: word })
    };
    let mut not_run: Vec<NotRunJson> = not_run(NotRun::NoTarget, "no-target")
        .chain(not_run(NotRun::OtherVersions, "other-versions"))
        .collect();
    not_run.sort_by_key(|one| one.code);
    CheckJson {
        format_version: FORMAT_VERSION,
        mesh: MeshJson {
            kubernetes_version: mesh.snapshot.kubernetes_version.clone(),
            istio_versions: istio_versions(mesh),
            sources: sources(mesh),
        },
        target: results.target.map(ToString::to_string),
        findings: findings.iter().map(|finding| finding_json(finding)).collect(),
        accepted: results.accepted.iter().map(accepted).collect(),
        not_run,
        flags: flags(findings)
            .into_iter()
            .map(|flag| FlagJson { code: flag.code, set: flag.set() })
            .collect(),
        summary: summary(findings),
    }
}

fn finding_json(finding: &Finding) -> FindingJson<'_> {
    FindingJson {
        code: &finding.code,
        severity: finding.severity,
        verdict: finding.verdict,
        subject: SubjectJson {
            kind: &finding.subject.kind,
            namespace: &finding.subject.namespace,
            name: &finding.subject.name,
        },
        title: &finding.title,
        detail: &finding.detail,
        hint: &finding.hint,
        evidence: &finding.evidence,
        docs: &finding.docs,
        consequence: finding.consequence,
        offers: &finding.offers,
    }
}
