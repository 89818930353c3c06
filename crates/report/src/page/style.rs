//! The style sheet: light and dark by the reader's setting, narrow and wide, and on paper.

/// The sheet. It names no address, so that the report needs nothing but itself.
pub(crate) const SHEET: &str = include_str!("sheet.css");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::SHEET;

    /// Relative luminance by WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let digits: String = match colour.len() {
            4 => colour.chars().skip(1).flat_map(|digit| [digit, digit]).collect(),
            _ => colour[1..].to_owned(),
        };
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn words_stand_out_in_both_themes() {
        let themes: Vec<BTreeMap<&str, &str>> = SHEET
            .split(":root{")
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap().split(';'))
            .map(|rules| rules.filter_map(|rule| rule.trim().split_once(':')).collect())
            .collect();
        let pairs = [
            ("--fg", "--bg"),
            ("--fg", "--card"),
            ("--soft", "--bg"),
            ("--soft", "--card"),
            ("--accent", "--bg"),
            ("--fg", "--good-bg"),
            ("--fg", "--warn-bg"),
            ("--fg", "--bad-bg"),
            ("--good", "--good-bg"),
            ("--warn", "--warn-bg"),
            ("--bad", "--bad-bg"),
            ("--dim", "--dim-bg"),
        ];
        for theme in &themes[..2] {
            for (ink, paper) in pairs {
                let ratio = contrast(theme[ink], theme[paper]);
                assert!(ratio >= 4.5, "{ink} on {paper}: {ratio:.1}");
            }
            for line in ["--ready", "--floor", "--desired", "--work"] {
                assert!(contrast(theme[line], theme["--bg"]) >= 3.0, "{line}");
            }
        }
    }

    #[test]
    fn it_asks_for_nothing() {
        assert!(!SHEET.contains("url(") && !SHEET.contains("@import") && !SHEET.contains("</"));
    }
}
