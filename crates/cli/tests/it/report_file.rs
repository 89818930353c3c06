//! The report file: one document that stands by itself, in which nothing from a cluster is more than text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::golden::root;
use meshlift_checks::assessment::Assessment;
use meshlift_mesh::Mesh;
use meshlift_model::names::{ObjectRef, ObjectWords};
use meshlift_model::plan::Plan;
use meshlift_model::run_report::{FaultReport, RunReport, Violation};
use meshlift_model::series::Series;
use meshlift_model::time::Time;
use meshlift_planner::intent;
use meshlift_rehearsal::Rehearsal;
use meshlift_report::rehearsal::{Rehearsal as Shown, html};
use meshlift_snapshot::{digest, read, shipped_manifest};

/// Bytes that the report of the demo may take.
const BYTES_MAX: usize = 1_000_000;

/// All that a report is made of.
struct Rehearsed {
    mesh: Mesh,
    plan: Plan,
    assessment: Assessment,
    report: RunReport,
    series: Series,
}

impl Rehearsed {
    fn demo() -> Self {
        let snapshot = read(&root().join("fixtures/clusters/before.meshlift")).unwrap();
        let mesh = Mesh::derive(Arc::new(snapshot));
        let intent = intent::parse(include_str!("../../../../fixtures/demo-intent.yaml")).unwrap();
        let target = intent.target.clone().unwrap();
        let manifest = shipped_manifest(&target, false).unwrap();
        let snapshot_digest = digest(&mesh.snapshot);
        let plan = meshlift_planner::plan(&mesh, &intent, Some(&manifest), &snapshot_digest).unwrap().0;
        let assessment = meshlift_checks::assess(&mesh, &intent, Some(&target));
        let rehearsal = Rehearsal {
            mesh: &mesh,
            plan: &plan,
            manifest: &manifest,
            seed: 0,
            faults: &[],
            rollback_after: None,
        };
        let outcome = rehearsal.run(&mut |_| {}).unwrap();
        let series = outcome.series(&plan);
        let report = outcome.report;
        Self { mesh, plan, assessment, report, series }
    }

    fn html(&self) -> String {
        let Self { mesh, plan, assessment, report, series } = self;
        html(&Shown { report, series, mesh, assessment, plan, seed: 0 }, &["meshlift plan --demo".to_owned()])
    }

    /// Puts this text wherever text comes from a cluster or from a person.
    fn spoil(&mut self, text: &str) {
        let subject = ObjectRef::new(text, text, text);
        for step in &mut self.report.steps {
            step.action.push_str(text);
            step.subject.push_str(text);
        }
        for workload in &mut self.report.workloads {
            (workload.name, workload.why) = (text.to_owned(), vec![text.to_owned()]);
        }
        for finding in &mut self.assessment.findings {
            (finding.subject, finding.detail) = (subject.clone(), text.to_owned());
        }
        for corner in [&mut self.series.best, &mut self.series.worst] {
            for workload in &mut corner.workloads {
                let ObjectWords { kind, namespace, name } = &*workload.workload;
                workload.workload = ObjectRef::new(kind, namespace, &format!("{name}{text}"));
            }
        }
        for choice in &mut self.plan.intent.choices {
            choice.reason = text.to_owned();
        }
        self.plan.untouched.iter_mut().for_each(|untouched| untouched.subject = subject.clone());
        self.plan.digest = text.to_owned();
        let at = Time::default();
        let detail = text.to_owned();
        self.report.violations =
            vec![Violation { law: text.to_owned(), at, subject: subject.clone(), detail: detail.clone() }];
        let kind = text.to_owned();
        self.report.faults =
            vec![FaultReport { at: Some(at), kind, object: subject, detail, persists: true, seed: 1 }];
    }
}

/// An element, with what stands around it.
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    inside: Vec<String>,
}

/// Elements of a document; fails where anything is not closed, not quoted or not escaped.
fn elements(html: &str) -> Vec<Element> {
    let mut rest = html.strip_prefix("<!doctype html>\n").unwrap();
    let (mut open, mut all): (Vec<String>, Vec<Element>) = (Vec::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(is_text(text) || open.last().is_some_and(|name| name == "style"), "{text:?}");
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (name, written) = tag.trim_end_matches('/').split_once(' ').unwrap_or((tag, ""));
        all.push(Element { name: name.to_owned(), attributes: attributes(written), inside: open.clone() });
        if !tag.ends_with('/') {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest == "\n", "{open:?} {rest:?}");
    all
}

fn attributes(mut written: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    while let Some((name, rest)) = written.split_once("=\"") {
        let (value, rest) = rest.split_once('"').unwrap();
        assert!(is_text(value) && !name.contains(['"', '\'']), "{name} {value}");
        assert!(all.insert(name.trim().to_owned(), value.to_owned()).is_none(), "{name} twice");
        written = rest;
    }
    assert_eq!(written.trim(), "");
    all
}

fn is_text(text: &str) -> bool {
    let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    let mut parts = text.split('&');
    !text.contains(['<', '>']) && {
        parts.next();
        parts.all(|part| known.iter().any(|entity| part.starts_with(entity)))
    }
}

/// What is asked of every report.
fn holds(html: &str) {
    assert!(html.len() < BYTES_MAX, "{} bytes", html.len());
    let all = elements(html);
    let ids: Vec<&String> = all.iter().filter_map(|element| element.attributes.get("id")).collect();
    let known: BTreeSet<&String> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len(), "an id is there twice");
    let inert = ["script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image"];
    for Element { name, attributes, .. } in &all {
        assert!(!inert.contains(&name.as_str()), "{name}");
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "src", "{attribute}");
            if attribute == "href" {
                let target = value.strip_prefix('#').unwrap_or_default().to_owned();
                assert!(known.contains(&target), "{value} leads away, or nowhere");
            }
        }
        if let Some(labels) = attributes.get("aria-labelledby") {
            assert!(labels.split(' ').all(|id| known.contains(&id.to_owned())), "{labels}");
        }
    }
    for name in ["main", "nav", "header", "footer", "h1", "title"] {
        let count = |element: &&Element| element.name == name && !element.inside.contains(&"svg".to_owned());
        assert_eq!(all.iter().filter(count).count(), 1, "{name}");
    }
    let count = |name: &str| all.iter().filter(|element| element.name == name).count();
    assert_eq!(count("table"), count("caption"));
    let heads = all.iter().filter(|element| element.name == "th");
    assert!(heads.into_iter().all(|head| head.attributes.contains_key("scope")));
    let levels: Vec<u8> =
        (all.iter()).filter_map(|element| element.name.strip_prefix('h')?.parse().ok()).collect();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a level of headings is left out");
    let drawings = all.iter().filter(|element| element.name == "svg");
    for Element { attributes, inside, .. } in drawings {
        let is_hidden = attributes.contains_key("aria-hidden") || inside.contains(&"div".to_owned());
        assert!(is_hidden || attributes["role"] == "img", "{attributes:?}");
    }
    let lower = html.to_lowercase();
    assert!(!lower.contains("zero downtime") && !lower.contains("proven"));
}

#[test]
fn the_report_stands_by_itself_whatever_the_cluster_calls_its_things() {
    let mut demo = Rehearsed::demo();
    let html = demo.html();
    holds(&html);
    assert_eq!(html, demo.html());
    let sections =
        ["capacity", "timeline", "losses", "undo", "findings", "mesh", "assumptions", "not-tested"];
    for section in sections {
        assert!(html.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    let charts = ["capacity-best", "capacity-worst", "undo-curve", "small-0"];
    assert!(charts.iter().all(|chart| html.contains(&format!("<title id=\"{chart}-t\">"))));
    for step in &demo.plan.steps {
        assert!(html.contains(&step.title.replace('>', "&gt;")), "{}", step.title);
    }
    assert!(html.contains("checkout falls back to the last known rates"), "the reason of a choice");

    let hostile = "</h3></style><script>alert(1)</script><img src=x onerror='y'>&\"\u{202e}";
    demo.spoil(hostile);
    let html = demo.html();
    holds(&html);
    assert!(html.contains("&lt;script&gt;alert(1)"), "it is shown, as text");
    assert!(!html.contains('\u{202e}'), "nothing turns the direction of a name");
}
