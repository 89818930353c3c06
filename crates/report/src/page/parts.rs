//! Parts that many sections are made of.

use meshlift_model::finding::{Finding, Severity, Verdict};

use super::markup::{Markup, el};
use crate::words;

/// A column of a table: its head, and whether its cells are figures.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Figure(&'static str),
}

/// A section with its heading, which the list of contents leads to.
pub(crate) fn section(id: &str, title: &str, body: impl Into<Markup>) -> Markup {
    let heading = format!("{id}-title");
    let head = el("h2", &[("id", &heading)], title);
    el("section", &[("id", id), ("aria-labelledby", &heading)], head.and(body))
}

/// A paragraph that explains.
pub(crate) fn note(text: &str) -> Markup {
    el("p", &[("class", "note")], text)
}

/// A list; a sentence where there is nothing.
pub(crate) fn list(items: impl IntoIterator<Item = impl Into<Markup>>, nothing: &str) -> Markup {
    let items: Markup = items.into_iter().map(|item| el("li", &[], item)).collect();
    if items.is_empty() { el("p", &[], nothing) } else { el("ul", &[], items) }
}

/// More of something, folded away.
pub(crate) fn folded(summary: impl Into<Markup>, body: impl Into<Markup>) -> Markup {
    el("details", &[], el("summary", &[], summary).and(body))
}

/// Pairs of a word and what it stands for.
pub(crate) fn facts(pairs: impl IntoIterator<Item = (impl Into<Markup>, impl Into<Markup>)>) -> Markup {
    let pair = |(word, fact): (_, _)| el("div", &[], el("dt", &[], word).and(el("dd", &[], fact)));
    el("dl", &[("class", "facts")], pairs.into_iter().map(pair).collect::<Markup>())
}

/// A table whose first cell heads its row. It scrolls by itself where the window is too narrow.
pub(crate) fn table(
    caption: &str,
    columns: &[Column],
    rows: impl IntoIterator<Item = Vec<Markup>>,
) -> Markup {
    let class = |index: usize| match columns.get(index) {
        Some(Column::Figure(_)) => "n",
        Some(Column::Text(_)) | None => "t",
    };
    let head = columns.iter().enumerate().map(|(index, column)| {
        let (Column::Text(word) | Column::Figure(word)) = column;
        el("th", &[("scope", "col"), ("class", class(index))], *word)
    });
    let row = |cells: Vec<Markup>| {
        let cell = |(index, cell): (usize, Markup)| match index {
            0 => el("th", &[("scope", "row"), ("class", class(index))], cell),
            _ => el("td", &[("class", class(index))], cell),
        };
        el("tr", &[], cells.into_iter().enumerate().map(cell).collect::<Markup>())
    };
    let body: Markup = rows.into_iter().map(row).collect();
    if body.is_empty() {
        return Markup::default();
    }
    let parts = [
        el("caption", &[], caption),
        el("thead", &[], el("tr", &[], head.collect::<Markup>())),
        el("tbody", &[], body),
    ];
    // What scrolls must be within reach of the keyboard.
    let scroll = [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)];
    el("div", &scroll, el("table", &[], parts))
}

/// A word with a mark, so that colour is never all that tells it apart.
pub(crate) fn badge(tone: &str, mark: &str, word: &str) -> Markup {
    let mark = el("span", &[("aria-hidden", "true")], format!("{mark} "));
    el("span", &[("class", &format!("badge {tone}"))], mark.and(word))
}

/// A name as the cluster has it.
pub(crate) fn code(name: impl Into<Markup>) -> Markup {
    el("code", &[], name)
}

/// What a finding weighs.
pub(crate) fn severity(finding: &Finding) -> Markup {
    match (finding.verdict, finding.severity) {
        (Verdict::Unknown, _) => badge("warn", "?", "unknown"),
        (Verdict::Fail, Severity::Block) => badge("bad", "✕", words::severity(Severity::Block)),
        (Verdict::Fail, Severity::Warn) => badge("warn", "!", words::severity(Severity::Warn)),
        (Verdict::Fail, Severity::Info) => badge("dim", "i", words::severity(Severity::Info)),
    }
}
