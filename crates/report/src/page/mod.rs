//! HTML files that need nothing but themselves: no scripts, no fonts, no network.

pub(crate) mod markup;
pub(crate) mod parts;
mod style;

use markup::{Markup, el, void};

/// A whole file, well-formed as XML but for its doctype.
pub(crate) fn page(title: &str, body: impl Into<Markup>) -> String {
    let head = [
        void("meta", &[("charset", "utf-8")]),
        void("meta", &[("name", "viewport"), ("content", "width=device-width,initial-scale=1")]),
        void("meta", &[("name", "color-scheme"), ("content", "light dark")]),
        el("title", &[], title),
        markup::style(style::SHEET),
    ];
    let page = el("html", &[("lang", "en")], el("head", &[], head).and(el("body", &[], body)));
    format!("<!doctype html>\n{}\n", page.into_string())
}

/// What the page is, above its title.
pub(crate) fn banner(over: &str, title: &str) -> Markup {
    el("header", &[], el("p", &[("class", "over")], over).and(el("h1", &[], title)))
}

/// Links to sections: their ids and their words.
pub(crate) fn contents<'a>(links: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    let link = |(id, word): (&str, &str)| el("li", &[], el("a", &[("href", &format!("#{id}"))], word));
    let links: Markup = links.into_iter().map(link).collect();
    el("nav", &[("aria-label", "Contents")], el("ul", &[], links))
}
