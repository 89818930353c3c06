//! Every meshlift command in the documentation parses, so that nobody copies one that does not.

use std::collections::BTreeSet;
use std::fs;

use meshlift_model::k8s::KINDS;

use crate::common::meshlift;
use crate::golden::root;

/// Pages with commands in fenced blocks, each on a line that starts with `$ `.
const PAGES: &[&str] =
    &["README.md", "CONTRIBUTING.md", "docs/reference/intent.md", "docs/reference/checks.md"];

fn commands(page: &str) -> Vec<String> {
    page.lines().filter_map(|line| line.strip_prefix("$ ")).map(ToOwned::to_owned).collect()
}

#[test]
fn every_command_of_the_documentation_parses() {
    let mut tried = 0;
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        for command in commands(&text) {
            let words: Vec<&str> = command.split_whitespace().collect();
            let arguments = match words.as_slice() {
                ["meshlift", rest @ ..] => rest,
                ["cargo", "run", "--", rest @ ..] => rest,
                ["cargo", ..] | [".ci/run"] => continue,
                _ => panic!("{page}: `{command}` is no command that this test knows"),
            };
            let arguments = std::iter::once(&"meshlift").chain(arguments);
            if let Err(error) = meshlift_cli::grammar().try_get_matches_from(arguments) {
                panic!("{page}: `{command}`: {error}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 6, "only {tried} commands found");
}

#[test]
fn the_two_commands_of_the_readme_are_there() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let commands = commands(&text);
    assert_eq!(commands[0], "cargo run -- rehearse --demo");
    assert_eq!(commands[1], "cargo test --workspace");
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let last = ci.lines().rfind(|line| line.starts_with("cargo")).unwrap();
    assert!(last.starts_with(&format!("{} --locked", commands[1])), "the last command of .ci/run is {last}");
}

#[test]
fn the_readme_records_every_kind_that_is_read() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let missing: Vec<&str> =
        KINDS.iter().map(|kind| kind.resource).filter(|resource| !text.contains(resource)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// A line without its figures and its spacing: figures follow the model's numbers, words must not go stale.
fn words(line: &str) -> String {
    let letters: String = line.chars().map(|c| if c.is_ascii_digit() { ' ' } else { c }).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_picture_of_the_readme_is_what_the_first_command_shows() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let picture = text.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let said = meshlift(&root(), &["rehearse", "--demo", "--no-report"]);
    assert_eq!(said.exit, 0, "{}", said.stderr);
    let real: BTreeSet<String> = said.stdout.lines().chain(said.stderr.lines()).map(words).collect();
    // The plan's digest changes with anything in it.
    let shown = picture.lines().filter(|line| line.trim() != "…" && !line.starts_with("REHEARSAL"));
    for line in shown {
        assert!(real.contains(&words(line)), "not said any more: {line}");
    }
}
