//! The report as one HTML file that needs nothing else: no scripts, no fonts, no network.
//!
//! Figures first, then pictures, then reasons, then what all of it rests on. Charts have words beside them that say
//! the same; colour never tells anything alone.

mod axis;
mod basis;
mod capacity;
mod chart;
mod course;
mod findings;
mod losses;
mod mesh;
mod timeline;
mod undo;
mod verdict;

use super::Rehearsal;
use crate::page::markup::{Markup, el};
use crate::page::{banner, contents, page};

/// Sections that the list of contents names.
const CONTENTS: [(&str, &str); 11] = [
    ("capacity", "Ready capacity"),
    ("timeline", "Timeline"),
    ("losses", "Losses"),
    ("undo", "Time to undo"),
    ("decisions", "Decisions"),
    ("findings", "Findings"),
    ("mesh", "The mesh"),
    ("tried", "Tried"),
    ("assumptions", "Assumptions"),
    ("not-tested", "Not tested"),
    ("identity", "What was rehearsed"),
];

/// The report as HTML, well-formed as XML but for its doctype; `next` are commands, best first.
#[must_use]
pub fn html(rehearsal: &Rehearsal<'_>, next: &[String]) -> String {
    let from: Vec<String> = rehearsal.plan.from.iter().map(ToString::to_string).collect();
    let title = format!("Istio {} → {}", from.join(" and "), rehearsal.plan.target);
    let skip = el("a", &[("class", "skip"), ("href", "#verdict")], "Skip to the verdict");
    let banner = banner("meshlift · rehearsal on a digital twin", &title);
    let body = [skip, banner, contents(links(rehearsal)), main(rehearsal, next), footer()];
    page(&format!("Rehearsal of {title}: {}", verdict::result(rehearsal).2), body)
}

fn links(rehearsal: &Rehearsal<'_>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let report = rehearsal.report;
    let alarms = [
        (!report.violations.is_empty(), ("violations", "Worse than announced")),
        (!super::waiting(report).is_empty(), ("waiting", "Waits for you")),
    ];
    alarms.into_iter().filter(|(is_there, _)| *is_there).map(|(_, entry)| entry).chain(CONTENTS)
}

fn main(rehearsal: &Rehearsal<'_>, next: &[String]) -> Markup {
    let title = el("h2", &[("id", "verdict-title"), ("class", "hidden")], "Verdict");
    let head = title.and(verdict::head(rehearsal));
    let head =
        el("section", &[("id", "verdict"), ("tabindex", "-1"), ("aria-labelledby", "verdict-title")], head);
    let sections = [
        head,
        verdict::alarms(rehearsal),
        capacity::capacity(rehearsal),
        timeline::timeline(rehearsal),
        losses::losses(rehearsal),
        undo::undo(rehearsal),
        basis::decisions(rehearsal),
        findings::findings(rehearsal),
        mesh::mesh(rehearsal),
        basis::tried(rehearsal),
        basis::assumptions(rehearsal),
        basis::not_tested(rehearsal),
        basis::identity(rehearsal, next),
    ];
    el("main", &[], sections)
}

fn footer() -> Markup {
    let words = "A rehearsal says what was tried, and under which assumptions. It is no promise about a run.";
    el("footer", &[], el("p", &[], words))
}
