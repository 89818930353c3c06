//! What every code means: findings from their checks, errors and refusals from `other_codes`.

mod cli_codes;
mod cluster_codes;
mod other_codes;
mod plan_codes;
mod run_codes;

use std::fmt::Write;

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Layer};
use crate::checks::CHECKS;
use cli_codes::CLI_CODES;
use cluster_codes::CLUSTER_CODES;
use other_codes::{OTHER_CODES, OtherCode};
use plan_codes::PLAN_CODES;
use run_codes::RUN_CODES;

pub use crate::flags::{Flag, flags};

/// What a finding, an error or a refusal means, at length; `None` for a code that does not exist.
#[must_use]
pub fn explain(code: &str) -> Option<String> {
    let code = code.trim().to_ascii_uppercase();
    let check = CHECKS.iter().find(|check| check.entry.code == code).map(check_text);
    check.or_else(|| other_codes().find(|other| other.code == code).map(other_text))
}

/// What the catalogue says of a check.
#[derive(Clone, Copy, Debug)]
pub struct Hazard {
    /// Code, such as `ML1001`.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// Severity of most findings.
    pub severity: Severity,
    /// The part of a mesh that it lies in.
    pub layer: Layer,
    /// Why it matters.
    pub why: &'static str,
    /// How to fix it.
    pub fix: &'static str,
    /// Where the behaviour is described.
    pub sources: &'static [&'static str],
}

/// All checks, in the order of their codes.
pub fn hazards() -> impl Iterator<Item = Hazard> {
    CHECKS.iter().map(|Check { entry, .. }| Hazard {
        code: entry.code,
        title: entry.title,
        severity: entry.severity,
        layer: entry.layer,
        why: entry.why,
        fix: entry.fix,
        sources: entry.sources,
    })
}

/// The layer that a check's hazard lies in; `None` for other codes.
#[must_use]
pub fn layer(code: &str) -> Option<Layer> {
    hazards().find(|hazard| hazard.code == code).map(|hazard| hazard.layer)
}

/// Severity of most findings of a check; `None` for other codes.
#[must_use]
pub fn severity(code: &str) -> Option<Severity> {
    CHECKS.iter().find(|check| check.entry.code == code).map(|check| check.entry.severity)
}

/// All codes, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    titles().map(|(code, _)| code)
}

/// All codes with their titles, in order.
pub fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    let checks = CHECKS.iter().map(|check| (check.entry.code, check.entry.title));
    checks.chain(other_codes().map(|other| (other.code, other.title)))
}

fn other_codes() -> impl Iterator<Item = &'static OtherCode> {
    PLAN_CODES.iter().chain(OTHER_CODES).chain(CLI_CODES).chain(RUN_CODES).chain(CLUSTER_CODES)
}

/// What texts mean by variables of istiod.
const ENV_OF_ISTIOD: &str = "X=V is `--set values.pilot.env.X=V` of `istioctl install`, or `--set env.X=V` of the chart istiod, when \
                             the new revision is installed; what `kubectl set env` sets, the next install takes back.";

fn sets_env(entry: &Entry) -> bool {
    [entry.hint, entry.fix].iter().any(|text| text.contains("on the new istiod"))
}

fn check_text(check: &Check) -> String {
    let entry = &check.entry;
    let mut text = format!("{}  {}\n{}\n", entry.code, entry.title, standing(entry));
    let _ = writeln!(text, "{} · {}", entry.layer, entry.versions);
    for (head, body) in [
        ("why", entry.why),
        ("how to see it", entry.see),
        ("how to fix it", entry.fix),
        ("in short", entry.hint),
    ] {
        let _ = write!(text, "\n{head}\n  {body}\n");
    }
    if sets_env(entry) {
        let _ = write!(text, "\nenv of the new istiod\n  {ENV_OF_ISTIOD}\n");
    }
    if let Some(shown) = rehearsal(entry) {
        let _ = write!(text, "\nin a rehearsal\n  {shown}\n");
    }
    if !entry.offers.is_empty() {
        let _ = write!(text, "\nin the intent, one of\n{}", patch(entry));
    }
    let _ = write!(text, "\nreads\n  {}\n", reads(check));
    if !entry.sources.is_empty() {
        let _ = write!(text, "\nmore\n  {}\n", entry.sources.join("\n  "));
    }
    text
}

/// Checks whose hazard the twin shows: planted there, requests are lost or the rollout stands; its near miss goes well.
pub const SHOWN_BY_TWIN: [&str; 7] = ["ML1001", "ML1002", "ML1003", "ML1004", "ML1010", "ML1012", "ML1013"];

/// Whether a rehearsal shows what a check warns of; `None` where it speaks neither of requests nor of a rollout.
fn rehearsal(entry: &Entry) -> Option<&'static str> {
    let shown = SHOWN_BY_TWIN.contains(&entry.code);
    match entry.consequence {
        _ if shown => Some("the twin shows it"),
        Consequence::Gap | Consequence::Stuck => Some("the twin does not show it"),
        Consequence::Behaviour => {
            Some("the twin does not show it: it carries requests, not what proxies make of them")
        }
        Consequence::Gateway => Some(
            "the twin restarts the gateway, and counts what clients outside lose behind a load balancer that needs 10 s or more to see a pod go; yours may be slower, or keep connections",
        ),
        _ => None,
    }
}

/// Lines of intent to paste, one for each choice.
fn patch(entry: &Entry) -> String {
    let subject = match entry.consequence {
        Consequence::Unserved if entry.offers.contains(&"relabel-namespace") => "Namespace/NAME",
        _ => "KIND/NAMESPACE/NAME",
    };
    let lines = offers(entry).into_iter().map(|word| {
        let argument = match word {
            "raise-quota" | "allow-unavailable" => " 1",
            "set-partition" => " 0",
            "relabel-namespace" => " TAG",
            _ => "",
        };
        format!("  - {{subject: {subject}, choose: {word}{argument}, reason: \"…\"}}\n")
    });
    format!("  choices:\n{}", lines.collect::<String>())
}

fn other_text(other: &OtherCode) -> String {
    format!("{}  {}\n\nwhy\n  {}\n\nhow to fix it\n  {}\n", other.code, other.title, other.why, other.fix)
}

fn standing(entry: &Entry) -> String {
    format!("{} · {}", word(entry.severity), consequence(entry.consequence))
}

fn offers(entry: &Entry) -> Vec<&'static str> {
    let mut offers = entry.offers.to_vec();
    if !offers.is_empty() && !offers.contains(&"hold-namespace") {
        offers.push("hold-namespace");
    }
    offers
}

/// Sources without which it is unknown.
fn reads(check: &Check) -> String {
    let sources: Vec<&str> = check.needs.iter().copied().flatten().copied().collect();
    if sources.is_empty() { "what could not be read of any source".to_owned() } else { sources.join(", ") }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Block => "block",
    }
}

fn consequence(consequence: Consequence) -> &'static str {
    match consequence {
        Consequence::Gap => "gap: requests are lost even if everything goes well",
        Consequence::Stuck => "stuck: the rollout cannot finish",
        Consequence::BelowPdb => "below PDB: fewer ready pods than the budget promises",
        Consequence::NotReached => "not reached: a restart does not replace these pods",
        Consequence::Behaviour => "changes behaviour: traffic is treated differently afterwards",
        Consequence::Unserved => "unserved: pods are, or will be, without a proxy or an owner",
        Consequence::Gateway => "gateway: replaced in place, or lacks what it needs",
        Consequence::Selection => "selection: labels and tags do not say what people may think",
        Consequence::Shared => "shared: an upgrade of shared parts has side effects",
        Consequence::Exposed => "exposed: something may be lost, which a snapshot cannot tell",
        Consequence::Blind => "blind: could not be judged",
    }
}

/// `docs/reference/checks.md`, made from the checks.
#[must_use]
pub fn checks_page() -> String {
    let mut page = String::from(
        "# Checks\n\nMade from the checks themselves (`crates/checks/src/checks`); a test compares. `meshlift explain CODE` says the same.\n\n\
         A check whose source was not read is *unknown*, never passed. What needs a choice is decided in the intent\n\
         (`choices:`); `hold-namespace` keeps the namespace on its revision.\n\
         The *twin* is meshlift's simulated copy of the mesh, on which `rehearse` carries a plan out.\n\n",
    );
    let _ = write!(
        page,
        "Of an env of the new istiod, {ENV_OF_ISTIOD}\n\n| code | | what | consequence |\n|---|---|---|---|\n"
    );
    for entry in CHECKS.iter().map(|check| &check.entry) {
        let (code, title) = (entry.code, entry.title);
        let (name, _) = consequence(entry.consequence).split_once(':').unwrap_or_default();
        let _ = writeln!(
            page,
            "| [{code}](#{}) | {} | {title} | {name} |",
            code.to_lowercase(),
            word(entry.severity)
        );
    }
    for check in CHECKS {
        let entry = &check.entry;
        let code = entry.code;
        let _ = write!(
            page,
            "\n<a id=\"{}\"></a>\n## {code} {}\n*{} · {} · {}*\n\n{}\n\n- **See it**: {}\n- **Fix it**: {}\n- **In short**: {}\n- **Reads**: {}\n",
            code.to_lowercase(),
            entry.title,
            standing(entry),
            entry.layer,
            entry.versions,
            entry.why,
            entry.see,
            entry.fix,
            entry.hint,
            reads(check)
        );
        if let Some(shown) = rehearsal(entry) {
            let _ = writeln!(page, "- **In a rehearsal**: {shown}");
        }
        if !entry.offers.is_empty() {
            let _ = writeln!(page, "- **Choices**: {}", offers(entry).join(", "));
        }
        if !entry.sources.is_empty() {
            let _ = writeln!(page, "- **More**: {}", entry.sources.join(", "));
        }
    }
    page
}

/// `docs/reference/errors.md`, made from the other codes.
#[must_use]
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Errors and refusals\n\nWhat can end a command with exit code 2, and why a plan or a run refuses to go on. `meshlift explain CODE` says\n\
         the same. Findings of `meshlift check` are in [checks.md](checks.md). Made from\n\
         `crates/checks/src/catalogue/other_codes.rs`; a test compares.\n\n\
         Ranges: ML7 runs · ML80 intent files · ML81 planning · ML82 plan files · ML83 notes · ML84 audits ·\n\
         ML90 snapshots and manifests · ML95 the command line · ML97 live clusters.\n",
    );
    for other in other_codes() {
        let code = other.code;
        let _ = write!(
            page,
            "\n<a id=\"{}\"></a>\n## {code} {}\n{}\n\n- **Fix it**: {}\n",
            code.to_lowercase(),
            other.title,
            other.why,
            other.fix
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::FLAGS;

    #[test]
    fn each_setting_belongs_to_a_check_and_its_text_names_it() {
        for flag in FLAGS {
            let entry = CHECKS.iter().map(|check| &check.entry).find(|entry| entry.code == flag.code);
            let text = entry.map(|entry| format!("{} {}", entry.hint, entry.fix)).unwrap_or_default();
            assert!(text.contains(flag.name), "{} does not say {}", flag.code, flag.name);
        }
    }

    #[test]
    fn each_check_says_where_what_it_knows_is_described() {
        let is_address = |one: &str| one.strip_prefix("https://").is_some_and(|rest| rest.contains('/'));
        let without = CHECKS.iter().filter(|check| !check.entry.sources.iter().any(|one| is_address(one)));
        let without: Vec<&str> = without.map(|check| check.entry.code).collect();
        assert!(without.is_empty(), "no source is named for {without:?}");
    }

    #[test]
    fn what_was_not_found_needs_no_setting() {
        assert!(flags(&[]).is_empty());
    }
}
