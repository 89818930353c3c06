//! Findings as JSON.

use meshlift_checks::catalogue::flags;
use meshlift_mesh::Mesh;
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::finding::{Consequence, Finding, Severity, Verdict};
use serde::Serialize;

use super::{Summary, summary};
use crate::inspect::{istio_versions, sources};

/// JSON of `check`; its shape is stable.
#[derive(Clone, Debug, Serialize)]
pub struct CheckJson<'a> {
    format_version: u32,
    mesh: MeshJson,
    findings: Vec<FindingJson<'a>>,
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
struct SubjectJson<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

/// The document for these findings.
#[must_use]
pub fn check_json<'a>(mesh: &Mesh, findings: &[&'a Finding]) -> CheckJson<'a> {
    let one = |finding: &&'a Finding| FindingJson {
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
    };
    CheckJson {
        format_version: FORMAT_VERSION,
        mesh: MeshJson {
            kubernetes_version: mesh.snapshot.kubernetes_version.clone(),
            istio_versions: istio_versions(mesh),
            sources: sources(mesh),
        },
        findings: findings.iter().map(one).collect(),
        flags: flags(findings)
            .into_iter()
            .map(|flag| FlagJson { code: flag.code, set: flag.set() })
            .collect(),
        summary: summary(findings),
    }
}
