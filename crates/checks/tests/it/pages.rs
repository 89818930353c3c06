//! The reference pages are made from the checks.

use std::fs;
use std::path::Path;

use meshlift_checks::catalogue::{checks_page, codes, errors_page, explain};

/// Set this variable to write the pages instead of comparing them.
const WRITE: &str = "MESHLIFT_WRITE_PAGES";

#[test]
fn reference_pages_are_what_the_checks_say() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (name, page) in [("checks.md", checks_page()), ("errors.md", errors_page())] {
        let path = reference.join(name);
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, &page).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "{name} is old: run the tests once with {WRITE}=1");
    }
}

#[test]
fn every_code_is_explained_once_and_in_order() {
    let all: Vec<&str> = codes().collect();
    let mut sorted = all.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(all, sorted);
    for code in all {
        let text = explain(code).unwrap();
        assert!(text.starts_with(code) && text.contains("how to fix it"), "{text}");
        assert_eq!(explain(&code.to_lowercase()), Some(text));
    }
    assert_eq!(explain("ML0000"), None);
    assert_eq!(explain("gap"), None);
}
