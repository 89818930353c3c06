//! Lines for a terminal of eighty columns, where colour only adds.

use std::fmt::Write as _;

/// Columns that output keeps to.
pub const WIDTH: usize = 80;

/// Whether colour is written. Text is the same without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences at all.
    Plain,
    /// ANSI colours.
    Coloured,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Heads a section.
    Heading,
    /// As wanted.
    Good,
    /// Worth a look.
    Warn,
    /// Not as wanted.
    Bad,
    /// Aside.
    Dim,
}

impl Style {
    /// The text in the tone's colour. Pad before painting: escape sequences have no width.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    /// A section's head.
    #[must_use]
    pub fn heading(self, text: &str) -> String {
        self.paint(Tone::Heading, text)
    }
}

/// Columns that a text takes (every character counts one; meshlift writes no wide ones).
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The text, cut to so many columns; a cut ends in `…`.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Words in lines of at most `width` columns. A word that is longer gets a line of its own.
#[must_use]
pub fn wrap(words: impl IntoIterator<Item = impl AsRef<str>>, width: usize) -> Vec<String> {
    wrap_at(words, width, width)
}

/// As [`wrap`], with another width for the first line.
fn wrap_at(
    words: impl IntoIterator<Item = impl AsRef<str>>,
    first_width: usize,
    width: usize,
) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        let word = word.as_ref();
        let is_first = lines.len() == 1;
        let width = if is_first { first_width } else { width };
        match lines.last_mut() {
            // A word that fits only below its head goes there.
            Some(line) if line.is_empty() && columns(word) > first_width && is_first => {
                lines.push(word.to_owned());
            }
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `first` and then the text, wrapped; further lines are indented so that they stand below its start.
#[must_use]
pub fn hang(first: &str, text: &str) -> String {
    hang_at(first, columns(first), text)
}

/// Columns that text gets at least; with fewer left beside its head it starts below it.
const LEAST: usize = 20;

/// `first` and then the text, wrapped; further lines are indented by so many columns.
#[must_use]
pub fn hang_at(first: &str, indent: usize, text: &str) -> String {
    let room = |taken: usize| WIDTH.saturating_sub(taken).max(LEAST);
    let below = WIDTH < columns(first) + LEAST;
    let lines = wrap_at(text.split_whitespace(), if below { 0 } else { room(columns(first)) }, room(indent));
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let lead = if index == 0 { first.to_owned() } else { " ".repeat(indent) };
        let _ = writeln!(out, "{}", format!("{lead}{line}").trim_end());
    }
    out
}

/// A title in lines of so many columns, for a cell of a table; words that are longer are cut.
#[must_use]
pub fn fold_title(title: &str, width: usize) -> Vec<String> {
    wrap(title.split_whitespace(), width).iter().map(|line| cut(line, width)).collect()
}

/// Names with a shared stem folded: `team-03 06 09`. Expects sorted names.
#[must_use]
pub fn fold_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut stem_before: Option<&str> = None;
    let mut folded = Vec::new();
    for name in names {
        let numbered = name
            .rsplit_once('-')
            .filter(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        match numbered {
            Some((stem, number)) if stem_before == Some(stem) => folded.push(number.to_owned()),
            _ => folded.push(name.to_owned()),
        }
        stem_before = numbered.map(|(stem, _)| stem);
    }
    folded
}

/// A duration as people say it: `now`, `40s`, `12m`, `2h05m`, `3d04h`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..=0 => "now".to_owned(),
        1..=59 => format!("{seconds}s"),
        60..=3599 if seconds % 60 == 0 || minutes >= 10 => format!("{minutes}m"),
        60..=3599 => format!("{minutes}m{:02}s", seconds % 60),
        3600..=86_399 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// `1 pod`, `2 pods`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// First characters of a digest.
#[must_use]
pub fn short(digest: &str) -> String {
    format!("{}…", digest.chars().take(8).collect::<String>())
}

/// A figure with at most one decimal, none where it is whole.
#[must_use]
pub fn figure(value: f64) -> String {
    // Adding zero takes the sign off a negative zero.
    let text = format!("{:.1}", value + 0.0);
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_hangs_below_its_start_within_eighty_columns() {
        let text = hang("  checkout/tax  ", &"word ".repeat(30));
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with(&" ".repeat(16)));
    }

    #[test]
    fn numbered_names_fold_and_others_do_not() {
        let names = ["team-03", "team-06", "team-a", "web", "web-1", "web-2", "x-2"];
        assert_eq!(fold_names(names).join(" "), "team-03 06 team-a web web-1 2 x-2");
    }

    #[test]
    fn durations_and_figures_are_short() {
        let shown: Vec<String> = [0, 40, 60, 95, 720, 3600, 7500, 86_400].map(duration).into();
        assert_eq!(shown, ["now", "40s", "1m", "1m35s", "12m", "1h00m", "2h05m", "1d00h"]);
        assert_eq!([figure(-0.0), figure(2.25)], ["0", "2.2"]);
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn plain_text_has_no_escape_sequence() {
        assert_eq!(Style::Plain.paint(Tone::Bad, "x"), "x");
        assert_eq!(Style::Coloured.paint(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
