//! SARIF, held against its schema: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use crate::common::meshlift;
use crate::golden::root;

/// The schema of OASIS for 2.1.0, without its descriptions.
const SCHEMA: &str = include_str!("sarif-2.1.0.json");
const NAME: &str = "sarif-2.1.0.json";

/// What the schema says against a document.
fn against(document: &Value) -> Option<String> {
    let mut compiler = Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource(NAME, serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let mut schemas = Schemas::new();
    let schema = compiler.compile(NAME, &mut schemas).unwrap();
    schemas.validate(document, schema).err().map(|error| format!("{error:#}"))
}

fn findings(arguments: &[&str]) -> Value {
    let said = meshlift(&root(), &[&["check", "-o", "sarif"], arguments].concat());
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn findings_are_valid_sarif() {
    let demo = findings(&["--demo", "--to", "1.30.3"]);
    assert!(demo["runs"][0]["results"].as_array().unwrap().len() > 100);
    let unknown = findings(&["--demo", "--to", "1.31.0"]);
    let none = findings(&["--demo", "--to", "1.30.3", "--only", "ML0002"]);
    assert_eq!(none["runs"][0]["results"], json!([]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accepted.yaml");
    let entry =
        "{code: ML1002, subject: Deployment/checkout/tax, owner: rates, until: 2099-12-31, reason: b}";
    std::fs::write(&file, format!("format_version: 1\naccepted: [{entry}]\n")).unwrap();
    let accepted = findings(&["--demo", "--to", "1.30.3", "--baseline", file.to_str().unwrap()]);
    let results = accepted["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<&Value> = results.iter().filter(|one| one["suppressions"] != json!([])).collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(
        suppressed[0]["suppressions"],
        json!([{"kind": "external", "status": "accepted", "justification": "accepted by rates until 2099-12-31: b"}])
    );
    for document in [&demo, &unknown, &none, &accepted] {
        assert_eq!(against(document), None);
    }
    let mut broken = demo;
    broken["runs"][0]["results"][0]["level"] = json!("severe");
    assert!(against(&broken).is_some_and(|words| words.contains("level")), "the schema is asked");
}
