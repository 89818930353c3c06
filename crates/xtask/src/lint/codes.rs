//! Every code that the sources can print is documented, and every documented code is printed by something.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{files, shown, text};

/// Where codes are documented, one `## MLnnnn` heading each.
pub const REFERENCES: &[&str] = &["docs/reference/checks.md", "docs/reference/errors.md"];

/// Sources that name codes without printing them: this lint, and the catalogue itself.
const NOT_PRINTING: &[&str] = &["crates/xtask/", "crates/checks/src/catalogue/"];

/// Codes without documentation, documentation without codes, and codes that are documented twice.
///
/// # Errors
/// Where the workspace cannot be read.
pub fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let mut documented: BTreeMap<String, String> = BTreeMap::new();
    let mut problems = Vec::new();
    for reference in REFERENCES {
        let path = root.join(reference);
        for code in headings(&if path.is_file() { text(&path)? } else { String::new() }) {
            if let Some(first) = documented.insert(code.clone(), (*reference).to_owned()) {
                problems.push(format!("{code} is documented twice: {first}, {reference}"));
            }
        }
    }
    let mut printed = BTreeMap::new();
    for path in files(&root.join("crates"), "rs")? {
        let name = shown(root, &path);
        if name.contains("/src/") && !NOT_PRINTING.iter().any(|folder| name.starts_with(folder)) {
            for code in literals(&text(&path)?) {
                printed.entry(code).or_insert(name.clone());
            }
        }
    }
    let undocumented = printed.iter().filter(|(code, _)| !documented.contains_key(*code));
    problems.extend(undocumented.map(|(code, name)| format!("{name}: {code} is in none of {REFERENCES:?}")));
    let stale = documented.iter().filter(|(code, _)| !printed.contains_key(*code));
    problems.extend(stale.map(|(code, reference)| format!("{reference}: nothing prints {code}")));
    Ok(problems)
}

fn headings(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("## ")).flat_map(codes_in).collect()
}

/// Codes in string literals: `"MLnnnn"`.
fn literals(text: &str) -> BTreeSet<String> {
    let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let code = code.filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|word| is_code(word))
        .map(Into::into)
        .collect()
}

fn codes_in(line: &str) -> Vec<String> {
    line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_code(word)).map(Into::into).collect()
}

fn is_code(word: &str) -> bool {
    word.len() == 6
        && word.strip_prefix("ML").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_headings_and_literals_alone() {
        assert_eq!(headings("# ML0001\n## ML0002 One replica\nML0003"), ["ML0002"]);
        let text = "x(\"ML0001\", \"see ML0002\"); // \"ML0003\"?\n// \"ML0004\"\n#[cfg(test)]\n\"ML0005\"";
        assert_eq!(literals(text).into_iter().collect::<Vec<_>>(), ["ML0001", "ML0003"]);
    }
}
