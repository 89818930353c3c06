//! Findings, grouped by what follows for an upgrade.

mod json;
mod page;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::assessment::{Assessment, Restart};
use meshlift_checks::catalogue::{flags, layer};
use meshlift_mesh::Mesh;
use meshlift_model::finding::{Consequence, Finding, Severity, TrafficVerdict, Verdict};
use meshlift_model::names::ObjectRef;
use serde::Serialize;

use crate::inspect::verdicts;
use crate::text::{Style, Tone, WIDTH, count, cut, hang, hang_at};
use crate::words;

pub use json::{CheckJson, check_json};
pub use page::html;

/// What a screen is grouped by.
#[derive(Clone, Copy, Debug)]
pub enum Group<'a> {
    /// What follows for an upgrade.
    Consequence,
    /// Namespaces; what is in none comes first.
    Namespace,
    /// Layers of the mesh.
    Layer,
    /// Values of a label, of a workload or else of its namespace.
    Label {
        /// Where labels are read.
        mesh: &'a Mesh,
        /// The label.
        key: &'a str,
    },
}

/// The screen. `findings` are those to show; `next` is the last line's command.
#[must_use]
pub fn screen(
    findings: &[&Finding],
    assessment: &Assessment,
    by: Group<'_>,
    next: &str,
    style: Style,
) -> String {
    let mut text = match by {
        Group::Consequence => by_consequence(findings, assessment, style),
        Group::Label { mesh, key } => {
            let owners = owners(mesh, key);
            grouped(findings, style, |finding| {
                let own =
                    mesh.workloads.get(&finding.subject).and_then(|one| one.template.metadata.label(key));
                let name = own.or_else(|| owners.get(namespace_of(&finding.subject)).copied());
                name.map_or_else(|| format!("no label {key}"), |name| format!("{key} {name}"))
            })
        }
        Group::Namespace => grouped(findings, style, |finding| {
            let namespace = namespace_of(&finding.subject);
            if namespace.is_empty() { "WHOLE CLUSTER".to_owned() } else { format!("namespace {namespace}") }
        }),
        Group::Layer => grouped(findings, style, |finding| {
            layer(&finding.code).map_or_else(|| "OTHER".to_owned(), |layer| layer.to_string().to_uppercase())
        }),
    };
    if findings.is_empty() {
        text.push_str("nothing found at this severity\n");
    }
    text.push_str(&kept(findings, style));
    text.push_str(&summary_line(findings, assessment, style));
    text.push_str(&format!("next: {next}\n"));
    text
}

/// The settings that keep what versions change, a line each.
fn kept(findings: &[&Finding], style: Style) -> String {
    let flags = flags(findings);
    if flags.is_empty() {
        return String::new();
    }
    let lines = flags.iter().map(|flag| format!("  {}  --set {}\n", flag.code, flag.set()));
    let head = style.heading("FLAGS");
    format!(
        "{head}  of the new revision that keep today's behaviour, for istioctl install\n{}",
        lines.collect::<String>()
    )
}

fn namespace_of(subject: &ObjectRef) -> &str {
    if subject.kind == "Namespace" { &subject.name } else { &subject.namespace }
}

/// The value of a label, by the namespace that has it.
fn owners<'a>(mesh: &'a Mesh, key: &str) -> BTreeMap<&'a str, &'a str> {
    let namespaces = mesh.snapshot.objects.namespaces.iter().map(|one| &one.metadata);
    namespaces.filter_map(|meta| Some((meta.name.as_str(), meta.label(key)?))).collect()
}

fn by_consequence(findings: &[&Finding], assessment: &Assessment, style: Style) -> String {
    let mut groups: BTreeMap<Consequence, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(finding.consequence).or_default().push(finding);
    }
    let mut text = String::new();
    for (consequence, findings) in &groups {
        if *consequence == Consequence::Exposed {
            text.push_str(&exposed(findings, assessment, style));
        } else {
            text.push_str(&group(*consequence, findings, style));
        }
    }
    text
}

/// Groups by a name, in the order of the names; findings keep theirs.
fn grouped(findings: &[&Finding], style: Style, name: impl Fn(&Finding) -> String) -> String {
    let mut groups: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(name(finding)).or_default().push(finding);
    }
    let mut text = String::new();
    for (name, findings) in groups {
        text.push_str(&format!("{} ({})\n", style.heading(&name), findings.len()));
        text.push_str(&listed(&findings, style));
    }
    text
}

/// One line for each check that found something, worst first: a screen, however many findings there are.
#[must_use]
pub fn by_check(findings: &[&Finding], next: &str, style: Style) -> String {
    let mut checks: BTreeMap<(Reverse<Severity>, &str, bool), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let unknown = finding.verdict == Verdict::Unknown;
        checks.entry((Reverse(finding.severity), &finding.code, unknown)).or_default().push(finding);
    }
    let mut text = String::new();
    for ((Reverse(severity), code, unknown), findings) in checks {
        let mark = if unknown { "unknown" } else { words::severity(severity) };
        let title = findings.first().map_or("", |finding| &*finding.title);
        let line = format!("{mark:<8}{code} {:>5}  {title}", findings.len());
        text.push_str(&format!("{}\n", cut(&line, WIDTH)));
    }
    text.push_str(&format!("{}next: {next}\n", counts_line(findings, style)));
    text
}

fn group(consequence: Consequence, findings: &[&Finding], style: Style) -> String {
    let (name, meaning) = words::consequence(consequence);
    let subjects: BTreeSet<_> = findings.iter().map(|finding| &finding.subject).collect();
    let head = style.heading(&name.to_uppercase());
    format!("{head}  {meaning} ({})\n{}", subjects.len(), listed(findings, style))
}

/// Findings one after another. What to do is said once behind all that have it in common, and where no choice is to be
/// made instead.
fn listed(findings: &[&Finding], style: Style) -> String {
    let mut text = String::new();
    for (place, finding) in findings.iter().enumerate() {
        text.push_str(&finding_lines(finding, style));
        let asks = finding.verdict == Verdict::Unknown || finding.severity != Severity::Info;
        let again = findings
            .get(place + 1)
            .is_some_and(|next| next.code == finding.code && next.hint == finding.hint);
        if asks && !again && !finding.needs_choice() {
            text.push_str(&hang_at("          do: ", 14, &finding.hint));
        }
    }
    text
}

fn finding_lines(finding: &Finding, style: Style) -> String {
    let tone = match (finding.verdict, finding.severity) {
        (Verdict::Unknown, _) | (Verdict::Fail, Severity::Warn) => Tone::Warn,
        (Verdict::Fail, Severity::Block) => Tone::Bad,
        (Verdict::Fail, Severity::Info) => Tone::Dim,
    };
    let mark = match finding.verdict {
        Verdict::Fail => words::severity(finding.severity),
        Verdict::Unknown => "unknown",
    };
    let first = format!("  {mark:<8}{} {}  ", finding.code, finding.subject);
    let mut text = hang_at(&first, 10, &finding.detail).replacen(mark, &style.paint(tone, mark), 1);
    if finding.needs_choice() {
        text.push_str(&hang_at("          choose: ", 18, &finding.offers.join(" | ")));
    }
    text
}

/// One line for all that is exposed, with the worst figure.
fn exposed(findings: &[&Finding], assessment: &Assessment, style: Style) -> String {
    let subjects: BTreeSet<&ObjectRef> = findings.iter().map(|finding| &finding.subject).collect();
    let worst = assessment
        .workloads
        .iter()
        .filter(|(workload, restart)| {
            restart.verdict == TrafficVerdict::Exposed && subjects.contains(workload)
        })
        .max_by(|(_, a), (_, b)| a.exposure_millis.total_cmp(&b.exposure_millis));
    let head = format!("{}  ", style.heading("EXPOSED"));
    let mut line =
        format!("{} may lose something, which a snapshot cannot tell", count(subjects.len(), "workload"));
    if let Some((workload, restart)) = worst {
        line.push_str(&format!("; the most {}: {}", workload.short(), bound(restart)));
    }
    hang_at("EXPOSED  ", 9, &line).replacen("EXPOSED  ", &head, 1)
}

/// The figure of an exposure, in words.
fn bound(restart: &Restart) -> String {
    format!("at most {:.0} ms × share of requests", restart.exposure_millis)
}

fn summary_line(findings: &[&Finding], assessment: &Assessment, style: Style) -> String {
    let restarts = hang("RESTARTS  ", &verdicts(assessment));
    let restarts = restarts.replacen("RESTARTS", &style.heading("RESTARTS"), 1);
    format!("{}{restarts}", counts_line(findings, style))
}

fn counts_line(findings: &[&Finding], style: Style) -> String {
    let Summary { block, warn, info, unknown } = summary(findings);
    let head = style.heading("SUMMARY");
    format!("{head}  block {block} · warn {warn} · info {info} · unknown {unknown}\n")
}

/// Counts of findings; an unknown one counts as unknown alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Failed, severity block.
    pub block: usize,
    /// Failed, severity warn.
    pub warn: usize,
    /// Failed, severity info.
    pub info: usize,
    /// Could not be judged.
    pub unknown: usize,
}

/// Counts findings.
#[must_use]
pub fn summary(findings: &[&Finding]) -> Summary {
    let mut summary = Summary::default();
    for finding in findings {
        match (finding.verdict, finding.severity) {
            (Verdict::Unknown, _) => summary.unknown += 1,
            (Verdict::Fail, Severity::Block) => summary.block += 1,
            (Verdict::Fail, Severity::Warn) => summary.warn += 1,
            (Verdict::Fail, Severity::Info) => summary.info += 1,
        }
    }
    summary
}

/// Findings as a Markdown table, for a ticket or a pull request.
#[must_use]
pub fn markdown(findings: &[&Finding]) -> String {
    let mut text = String::from("| severity | code | subject | what |\n|---|---|---|---|\n");
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Fail => words::severity(finding.severity),
            Verdict::Unknown => "unknown",
        };
        let detail = finding.detail.replace('|', "\\|");
        text.push_str(&format!("| {mark} | {} | {} | {detail} |\n", finding.code, finding.subject));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::columns;

    fn finding(code: &str, severity: Severity, consequence: Consequence) -> Finding {
        Finding {
            code: code.into(),
            severity,
            verdict: Verdict::Fail,
            subject: ObjectRef::new("Deployment", "checkout", code),
            title: "t".into(),
            detail: "all 2 pods stop before the first new one starts, for as long as it takes to start"
                .into(),
            hint: "h".into(),
            evidence: vec![],
            docs: "".into(),
            consequence,
            offers: if severity == Severity::Info { vec![] } else { vec!["accept-loss".into()] },
        }
    }

    #[test]
    fn the_worst_consequence_is_first_and_the_next_command_is_last() {
        let all = [
            finding("ML0001", Severity::Info, Consequence::Exposed),
            finding("ML0002", Severity::Warn, Consequence::Stuck),
            finding("ML0003", Severity::Block, Consequence::Gap),
        ];
        let shown: Vec<&Finding> = all.iter().collect();
        let text = screen(&shown, &Assessment::default(), Group::Consequence, "meshlift plan", Style::Plain);
        assert!(text.find("GAP").unwrap() < text.find("STUCK").unwrap(), "{text}");
        assert!(text.find("STUCK").unwrap() < text.find("EXPOSED").unwrap(), "{text}");
        assert!(text.ends_with("next: meshlift plan\n"), "{text}");
        assert!(text.contains("choose: accept-loss"), "{text}");
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
        assert_eq!(summary(&shown), Summary { block: 1, warn: 1, info: 1, unknown: 0 });
    }

    #[test]
    fn what_to_do_is_said_once_where_nothing_is_to_be_chosen() {
        let free =
            |code: &str| Finding { offers: vec![], ..finding(code, Severity::Warn, Consequence::Shared) };
        let all = [
            free("ML0001"),
            free("ML0001"),
            free("ML0002"),
            finding("ML0003", Severity::Warn, Consequence::Gap),
        ];
        let shown: Vec<&Finding> = all.iter().collect();
        for by in [Group::Consequence, Group::Layer] {
            let text = screen(&shown, &Assessment::default(), by, "x", Style::Plain);
            assert_eq!(text.matches("          do: h\n").count(), 2, "{text}");
        }
    }

    #[test]
    fn settings_that_keep_todays_behaviour_are_listed_once() {
        let all = [
            finding("ML4101", Severity::Warn, Consequence::Behaviour),
            finding("ML4101", Severity::Warn, Consequence::Behaviour),
            finding("ML1001", Severity::Block, Consequence::Gap),
        ];
        let shown: Vec<&Finding> = all.iter().collect();
        let text = screen(&shown, &Assessment::default(), Group::Consequence, "x", Style::Plain);
        let set = "--set values.pilot.env.PILOT_SIDECAR_PICK_BEST_SERVICE_NAMESPACE=false";
        assert_eq!(text.matches(set).count(), 1, "{text}");
    }

    #[test]
    fn colour_only_adds() {
        let all = [finding("ML0003", Severity::Block, Consequence::Gap)];
        let shown: Vec<&Finding> = all.iter().collect();
        let plain = screen(&shown, &Assessment::default(), Group::Consequence, "x", Style::Plain);
        let mut coloured = screen(&shown, &Assessment::default(), Group::Consequence, "x", Style::Coloured);
        for code in ["1", "2", "31", "32", "33", "0"] {
            coloured = coloured.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, coloured);
    }

    #[test]
    fn a_thousand_findings_are_a_screen_by_check() {
        let severities = [Severity::Info, Severity::Warn, Severity::Block];
        let all: Vec<Finding> = (0..1000)
            .map(|number| {
                let code = format!("ML1{:03}", number % 30);
                finding(&code, severities[number % 3], Consequence::Gap)
            })
            .collect();
        let shown: Vec<&Finding> = all.iter().collect();
        let text = by_check(&shown, "meshlift plan", Style::Plain);
        assert!(text.lines().count() <= 40, "{text}");
        assert!(text.starts_with("block   ML1002    34  t\n"), "{text}");
        assert!(text.contains("SUMMARY  block 333 · warn 333 · info 334 · unknown 0\n"), "{text}");
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
    }

    #[test]
    fn groups_are_namespaces_or_layers_as_wished() {
        let mut all = [
            finding("ML1001", Severity::Block, Consequence::Gap),
            finding("ML5008", Severity::Block, Consequence::Shared),
        ];
        all[1].subject = ObjectRef::cluster("Revision", "1-29-6");
        let shown: Vec<&Finding> = all.iter().collect();
        let by = |group| screen(&shown, &Assessment::default(), group, "x", Style::Plain);
        assert!(by(Group::Namespace).starts_with("WHOLE CLUSTER (1)\n"), "{}", by(Group::Namespace));
        assert!(by(Group::Namespace).contains("\nnamespace checkout (1)\n"));
        assert!(
            by(Group::Layer).contains("CONTROL PLANE (1)\n") && by(Group::Layer).contains("ROLLOUT (1)\n")
        );
    }
}
