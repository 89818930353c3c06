//! The rules of the house hold.

#[test]
fn the_house_keeps_its_rules() {
    let problems = meshlift_xtask::lint::all(&meshlift_xtask::root()).unwrap();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
