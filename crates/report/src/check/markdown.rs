//! Findings as Markdown, for a ticket or a pull request.

use meshlift_model::finding::Finding;

use super::blind::{Blind, by_source};
use super::{Results, notes, summary};
use crate::inspect::istio_versions;
use crate::words;

/// What the mesh is and is to be, counts, and a table.
#[must_use]
pub fn markdown(results: &Results<'_>) -> String {
    let mut text = format!("{}\n\n**{}**\n", head(results), summary(&results.findings).words());
    for note in [notes::without_target(results), notes::accepted(&results.accepted)].into_iter().flatten() {
        text.push_str(&format!("\n{}\n", cell(&note)));
    }
    if results.findings.is_empty() {
        text.push_str("\nNothing found at this severity.\n");
        return text;
    }
    text.push_str("\n| severity | code | subject | what | what to do |\n|---|---|---|---|---|\n");
    for one in by_source(&results.findings) {
        text.push_str(&one.map_or_else(|blind| blind_row(&blind), row));
    }
    if let Some(more) = notes::more(&results.findings) {
        text.push_str(&format!("\n{more}.\n"));
    }
    text
}

fn head(results: &Results<'_>) -> String {
    let runs = istio_versions(results.mesh).join(" and ");
    let runs = if runs.is_empty() { "no known Istio".to_owned() } else { format!("Istio {runs}") };
    let kubernetes = results.mesh.snapshot.kubernetes_version.as_deref();
    let kubernetes = kubernetes
        .map_or(String::new(), |version| format!(" on Kubernetes {}", version.trim_start_matches('v')));
    let target = results.target.map_or("none".to_owned(), |target| format!("Istio {target}"));
    format!("Mesh: {runs}{kubernetes}. Target: {target}.")
}

fn row(finding: &Finding) -> String {
    let mark = words::mark(finding);
    let offers = finding.offers.iter().filter(|_| finding.needs_choice()).map(String::as_str);
    let (detail, hint) = (cell(&finding.detail), cell(&todo(&finding.hint, offers)));
    format!("| {mark} | {} | {} | {detail} | {hint} |\n", finding.code, finding.subject)
}

/// All checks that lack one source.
fn blind_row(blind: &Blind<'_>) -> String {
    let (why, hint) = (cell(blind.why()), cell(&todo(blind.hint(), blind.offers())));
    format!("| unknown | {} | {} | {why} | {hint} |\n", blind.all_codes().join(", "), blind.subject())
}

/// What to do, and what may be chosen.
fn todo<'a>(hint: &str, offers: impl IntoIterator<Item = &'a str>) -> String {
    // Some hints say which choice fits when.
    let (said, rest): (Vec<&str>, Vec<&str>) = offers.into_iter().partition(|offer| hint.contains(offer));
    match (&said[..], &rest[..]) {
        (_, []) => hint.to_owned(),
        ([], rest) => format!("{hint}; choose {}", rest.join(" or ")),
        (_, rest) => format!("{hint}; or {}", rest.join(" or ")),
    }
}

/// Text that ends no cell and no row.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use meshlift_checks::assessment::{Assessment, NotRun};
    use meshlift_model::finding::{Consequence, Severity};

    use super::*;
    use crate::check::samples::{empty_mesh, finding, results};

    #[test]
    fn a_ticket_says_what_to_do_and_for_which_target() {
        let all =
            [Finding { detail: "a | b\nc".into(), ..finding("ML1001", Severity::Block, Consequence::Gap) }];
        let mesh = empty_mesh();
        let assessment =
            Assessment { not_run: [("ML0005", NotRun::NoTarget)].into(), ..Assessment::default() };
        let mut shown = results(&mesh, &assessment, &all);
        let text = markdown(&shown);
        assert!(text.starts_with("Mesh: no known Istio. Target: none.\n\n**block 1 · warn 0"), "{text}");
        assert!(text.contains("without --to, 1 check of the target was not run: ML0005\n"), "{text}");
        let row = "| block | ML1001 | Deployment/checkout/ML1001 | a \\| b c | h; choose accept-loss |\n";
        assert!(text.contains(row), "{text}");
        assert!(text.ends_with("; a choice goes into the intent, --intent FILE.\n"), "{text}");
        let target = "1.30.3".parse().unwrap();
        shown.target = Some(&target);
        assert!(markdown(&shown).contains("Target: Istio 1.30.3."));
    }

    #[test]
    fn choices_that_a_hint_names_are_not_said_twice() {
        let all = ["accept-loss", "hold-namespace"];
        assert_eq!(todo("mend it", all), "mend it; choose accept-loss or hold-namespace");
        assert_eq!(
            todo("mend it, or choose accept-loss", all),
            "mend it, or choose accept-loss; or hold-namespace"
        );
        assert_eq!(todo("mend it", []), "mend it");
    }
}
