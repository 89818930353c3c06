//! Every meshlift command in the documentation parses, so that nobody copies one that does not.

use std::fs;

use crate::common::root;

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
                ["cargo", "run", "--release", "--", rest @ ..] => rest,
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
    assert_eq!(commands[0], "cargo run --release -- rehearse --demo");
    assert_eq!(commands[1], "cargo test --workspace");
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(
        ci.trim_end().ends_with("cargo test --workspace --locked"),
        "the test command is the end of .ci/run"
    );
}
