//! HTML that cannot come out wrong: text is escaped, elements are closed, attributes are quoted.

use std::fmt::Write as _;

/// A piece of HTML. It is made from text, which is escaped, and by [`el`] and [`void`] alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Markup(String);

impl Markup {
    /// The HTML.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// True if there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This, and then that.
    pub(crate) fn and(mut self, more: impl Into<Markup>) -> Self {
        self.0.push_str(&more.into().0);
        self
    }
}

impl From<&str> for Markup {
    fn from(text: &str) -> Self {
        Self(escape(text))
    }
}

impl From<String> for Markup {
    fn from(text: String) -> Self {
        Self(escape(&text))
    }
}

impl From<&String> for Markup {
    fn from(text: &String) -> Self {
        Self(escape(text))
    }
}

impl<T: Into<Markup>, const N: usize> From<[T; N]> for Markup {
    fn from(parts: [T; N]) -> Self {
        parts.into_iter().collect()
    }
}

impl<T: Into<Markup>> FromIterator<T> for Markup {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        Self(parts.into_iter().map(|part| part.into().0).collect())
    }
}

/// An element. Names come from this crate alone; attributes may hold anything.
pub(crate) fn el(name: &str, attributes: &[(&str, &str)], body: impl Into<Markup>) -> Markup {
    let body = body.into().0;
    Markup(format!("<{name}{}>{body}</{name}>", written(attributes)))
}

/// An element without a body, such as `meta` and `rect`.
pub(crate) fn void(name: &str, attributes: &[(&str, &str)]) -> Markup {
    Markup(format!("<{name}{}/>", written(attributes)))
}

/// A style sheet: the one text that is not escaped. It is a constant of this crate.
pub(crate) fn style(sheet: &'static str) -> Markup {
    Markup(format!("<style>{sheet}</style>"))
}

fn written(attributes: &[(&str, &str)]) -> String {
    attributes.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = write!(text, " {name}=\"{}\"", escape(value));
        text
    })
}

/// Text for HTML: names come from clusters and are not trusted. What no HTML may hold is shown as U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            // Right-to-left overrides can make a name look like another one.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_cluster_stays_text() {
        let hostile = "<a href='x'>&\"</a>\u{202e}\u{0}";
        let shown = "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;\u{fffd}\u{fffd}";
        let html = el("p", &[("title", hostile)], hostile).into_string();
        assert_eq!(html, format!("<p title=\"{shown}\">{shown}</p>"));
    }
}
