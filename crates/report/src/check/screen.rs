//! Findings for a terminal, grouped by what follows for an upgrade, by namespaces, layers or owners.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::assessment::{Assessment, Restart};
use meshlift_checks::catalogue::{flags, layer};
use meshlift_model::finding::{Consequence, Finding, Severity, TrafficVerdict, Verdict};
use meshlift_model::names::ObjectRef;

use super::blind::by_source;
use super::owners::{Owners, namespace_of};
use super::{Group, Results, notes, summary};
use crate::inspect::verdicts;
use crate::text::{Style, Tone, count, hang, hang_at};
use crate::words;

/// The screen.
#[must_use]
pub fn screen(results: &Results<'_>, by: Group<'_>, style: Style) -> String {
    let findings = results.findings.as_slice();
    let mut text = match by {
        Group::Consequence => by_consequence(results, style),
        Group::Label(key) => {
            let owners = Owners::of(results.mesh, key);
            grouped(findings, style, |finding| {
                let name = owners.name(&finding.subject);
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
    text.push_str(&counts(results, style));
    text.push_str(&headed("RESTARTS", &verdicts(results.assessment), style));
    text.push_str(&explained(&results.findings, style));
    text.push_str(&format!("next: {}\n", results.next));
    text
}

/// Where there is more to read, and where choices go.
pub(super) fn explained(findings: &[&Finding], style: Style) -> String {
    notes::more(findings).map_or_else(String::new, |more| headed("MORE", &more, style))
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

fn by_consequence(results: &Results<'_>, style: Style) -> String {
    let mut groups: BTreeMap<Consequence, Vec<&Finding>> = BTreeMap::new();
    for finding in &results.findings {
        groups.entry(finding.consequence).or_default().push(finding);
    }
    let mut text = String::new();
    for (consequence, findings) in &groups {
        let sum_up = |finding: &&&Finding| {
            *consequence == Consequence::Exposed && !results.named.contains(finding.code.as_str())
        };
        let (summed, told): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().partition(|finding| sum_up(finding));
        if !told.is_empty() {
            text.push_str(&group(*consequence, &told, style));
        }
        if !summed.is_empty() {
            text.push_str(&exposed(&summed, results.assessment, style));
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
    let entries = by_source(findings);
    for (place, entry) in entries.iter().enumerate() {
        let finding = match entry {
            Ok(finding) => finding,
            Err(blind) => {
                let unknown = style.paint(Tone::Warn, "unknown");
                let line = hang_at("  unknown ", 10, &blind.words());
                text.push_str(&line.replacen("unknown", &unknown, 1));
                text.push_str(&hang_at("          do: ", 14, blind.hint()));
                continue;
            }
        };
        text.push_str(&finding_lines(finding, style));
        let asks = finding.verdict == Verdict::Unknown || finding.severity != Severity::Info;
        let next = entries.get(place + 1).and_then(|next| next.as_ref().ok());
        let again = next.is_some_and(|next| next.code == finding.code && next.hint == finding.hint);
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
    let mark = words::mark(finding);
    let first = format!("  {mark:<8}{} {}  ", finding.code, finding.subject);
    let mut text = hang_at(&first, 10, &finding.detail).replacen(mark, &style.paint(tone, mark), 1);
    if finding.needs_choice() {
        text.push_str(&hang_at("          choose: ", 18, &finding.offers.join(" | ")));
    }
    text
}

/// All that is exposed, summed up: with the worst figure, and what lists it.
fn exposed(findings: &[&Finding], assessment: &Assessment, style: Style) -> String {
    let subjects: BTreeSet<&ObjectRef> = findings.iter().map(|finding| &finding.subject).collect();
    let codes: BTreeSet<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    let worst = assessment
        .workloads
        .iter()
        .filter(|(workload, restart)| {
            restart.verdict == TrafficVerdict::Exposed && subjects.contains(workload)
        })
        .max_by(|(_, a), (_, b)| a.exposure_millis.total_cmp(&b.exposure_millis));
    let mut line =
        format!("{} may lose something, which a snapshot cannot tell", count(subjects.len(), "workload"));
    if let Some((workload, restart)) = worst {
        line.push_str(&format!("; the most {}: {}", workload.short(), bound(restart)));
    }
    let codes = codes.into_iter().collect::<Vec<_>>().join(",");
    let findings = count(findings.len(), "finding");
    let how = hang_at("         ", 9, &format!("`--only {codes}` lists the {findings}"));
    format!("{}{how}", headed("EXPOSED", &line, style))
}

/// The figure of an exposure, in words.
fn bound(restart: &Restart) -> String {
    format!("at most {:.0} ms × share of requests", restart.exposure_millis)
}

/// Counts of what is shown, and what is not among it.
pub(super) fn counts(results: &Results<'_>, style: Style) -> String {
    let mut text = headed("SUMMARY", &summary(&results.findings).words(), style);
    for (head, note) in
        [("NOT RUN", notes::without_target(results)), ("ACCEPTED", notes::accepted(&results.accepted))]
    {
        text.push_str(&note.map_or_else(String::new, |note| headed(head, &note, style)));
    }
    text
}

/// A line with a head, wrapped.
fn headed(head: &str, line: &str, style: Style) -> String {
    hang(&format!("{head}  "), line).replacen(head, &style.heading(head), 1)
}

#[cfg(test)]
mod tests {
    use meshlift_checks::assessment::NotRun;

    use super::*;
    use crate::check::by_check;
    use crate::check::samples::{blind, empty_mesh, finding, results};
    use crate::text::{WIDTH, columns};

    fn screen_of(all: &[Finding], by: Group<'_>, style: Style) -> String {
        screen(&results(&empty_mesh(), &Assessment::default(), all), by, style)
    }

    fn plain(all: &[Finding]) -> String {
        screen_of(all, Group::Consequence, Style::Plain)
    }

    #[test]
    fn the_worst_consequence_is_first_and_the_next_command_is_last() {
        let all = [
            finding("ML0001", Severity::Info, Consequence::Exposed),
            finding("ML0002", Severity::Warn, Consequence::Stuck),
            finding("ML0003", Severity::Block, Consequence::Gap),
        ];
        let text = plain(&all);
        assert!(text.find("GAP").unwrap() < text.find("STUCK").unwrap(), "{text}");
        assert!(text.find("STUCK").unwrap() < text.find("EXPOSED").unwrap(), "{text}");
        assert!(text.ends_with("next: meshlift plan\n"), "{text}");
        assert!(text.contains("choose: accept-loss"), "{text}");
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
        assert!(text.contains("SUMMARY  block 1 · warn 1 · info 1 · unknown 0\n"), "{text}");
    }

    #[test]
    fn what_is_exposed_is_summed_up_unless_it_was_asked_for_by_its_code() {
        let mesh = empty_mesh();
        let assessment = Assessment::default();
        let all = [
            finding("ML1040", Severity::Warn, Consequence::Exposed),
            finding("ML1043", Severity::Info, Consequence::Exposed),
        ];
        let mut shown = results(&mesh, &assessment, &all);
        let text = screen(&shown, Group::Consequence, Style::Plain);
        assert!(text.contains("`--only ML1040,ML1043` lists") && !text.contains("checkout/ML10"), "{text}");
        shown.named = ["ML1043"].into();
        let text = screen(&shown, Group::Consequence, Style::Plain);
        assert!(text.contains("  info    ML1043 Deployment/checkout/ML1043  "), "{text}");
        assert!(text.contains("`--only ML1040` lists"), "{text}");
    }

    #[test]
    fn checks_that_lack_one_source_are_one_line() {
        let mut all: Vec<Finding> = (1..=119).map(|at| blind(&format!("ML9{at:03}"), "pods")).collect();
        all.push(blind("ML1010", "resourcequotas"));
        for by in [Group::Consequence, Group::Namespace] {
            let text = screen_of(&all, by, Style::Plain);
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = "unknown pods could not be read (cut off): 119 checks unknown: ML9001, ML9002, ML9003, ML9004 \
                        and 115 more do: record pods, or accept that this is not known";
            assert!(words.contains(line), "{text}");
            assert!(words.contains("unknown ML1010 Source/resourcequotas"), "{text}");
            assert!(text.lines().count() < 15, "{text}");
        }
        let assessment = Assessment::default();
        let mesh = empty_mesh();
        let text = by_check(&results(&mesh, &assessment, &all), Style::Plain);
        assert!(text.contains("unknown          119  pods could not be read (cut off): ML9001, "), "{text}");
        assert!(text.contains("unknown ML1010     1  t\n") && text.lines().count() == 5, "{text}");
    }

    #[test]
    fn that_checks_of_the_target_were_not_run_is_said() {
        let mesh = empty_mesh();
        let not_run = ["ML0005", "ML4101", "ML5008", "ML5025"].map(|code| (code, NotRun::NoTarget));
        let assessment = Assessment { not_run: not_run.into(), ..Assessment::default() };
        let mut shown = results(&mesh, &assessment, &[]);
        let said = "NOT RUN  without --to, 4 checks of the target were not run\n";
        let text = screen(&shown, Group::Consequence, Style::Plain);
        assert!(text.contains(said) && by_check(&shown, Style::Plain).contains(said), "{text}");
        shown.codes = ["ML0005", "ML1001"].into();
        let text = by_check(&shown, Style::Plain);
        assert!(text.contains("without --to, 1 check of the target was not run: ML0005\n"), "{text}");
    }

    #[test]
    fn verdicts_of_restarts_are_those_of_all_findings() {
        let mesh = empty_mesh();
        let gap = finding("ML1001", Severity::Block, Consequence::Gap);
        let restart = Restart {
            verdict: TrafficVerdict::Safe,
            ready_min: 1,
            replicas: 1,
            exposure_millis: 0.0,
            cure_sleep_seconds: None,
            why: String::new(),
            seconds: 1,
        };
        let workloads = [(gap.subject.clone(), restart)].into();
        let assessment = Assessment { findings: vec![gap], workloads, ..Assessment::default() };
        let text = screen(&results(&mesh, &assessment, &[]), Group::Consequence, Style::Plain);
        assert!(text.contains("RESTARTS  safe 0 · exposed 0 · gap 1 ·"), "{text}");
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
        for by in [Group::Consequence, Group::Layer] {
            let text = screen_of(&all, by, Style::Plain);
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
        let text = plain(&all);
        let set = "--set values.pilot.env.PILOT_SIDECAR_PICK_BEST_SERVICE_NAMESPACE=false";
        assert_eq!(text.matches(set).count(), 1, "{text}");
    }

    #[test]
    fn colour_only_adds() {
        let all = [finding("ML0003", Severity::Block, Consequence::Gap)];
        let mut coloured = screen_of(&all, Group::Consequence, Style::Coloured);
        for code in ["1", "2", "31", "32", "33", "0"] {
            coloured = coloured.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain(&all), coloured);
    }

    #[test]
    fn groups_are_namespaces_or_layers_as_wished() {
        let mut all = [
            finding("ML1001", Severity::Block, Consequence::Gap),
            finding("ML5008", Severity::Block, Consequence::Shared),
        ];
        all[1].subject = ObjectRef::cluster("Revision", "1-29-6");
        let by = |group| screen_of(&all, group, Style::Plain);
        assert!(by(Group::Namespace).starts_with("WHOLE CLUSTER (1)\n"), "{}", by(Group::Namespace));
        assert!(by(Group::Namespace).contains("\nnamespace checkout (1)\n"));
        assert!(
            by(Group::Layer).contains("CONTROL PLANE (1)\n") && by(Group::Layer).contains("ROLLOUT (1)\n")
        );
    }
}
