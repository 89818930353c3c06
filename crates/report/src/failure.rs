//! How an error is printed: what and where on one line, its causes once each, and what to do.

use std::error::Error;

use crate::text::{Style, Tone};

/// `error[CODE]: what, where`, then `  cause: …` for each cause that says something new, then `hint: …`.
///
/// Not wrapped: people search for these lines, and paste them.
#[must_use]
pub fn error_text(code: &str, error: &(dyn Error + 'static), hint: &str, style: Style) -> String {
    let head = style.paint(Tone::Bad, &format!("error[{code}]"));
    let mut said = one_line(&error.to_string());
    let mut text = format!("{head}: {said}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        let words = one_line(&cause.to_string());
        if !words.is_empty() && !said.contains(&words) {
            text.push_str(&format!("  cause: {words}\n"));
            said = words;
        }
        source = cause.source();
    }
    if !hint.is_empty() {
        text.push_str(&format!("{}: {}\n", style.paint(Tone::Good, "hint"), one_line(hint)));
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);
    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn each_cause_is_said_once() {
        let inner = Layer("permission denied", None);
        let middle = Layer("cannot open x:\n permission denied", Some(Box::new(inner)));
        let outer = Layer("cannot read x", Some(Box::new(middle)));
        let text = error_text("ML9001", &outer, "give a path", Style::Plain);
        assert_eq!(
            text,
            "error[ML9001]: cannot read x\n  cause: cannot open x: permission denied\nhint: give a path\n"
        );
    }
}
