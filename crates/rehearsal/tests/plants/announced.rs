//! What the checkers take a plan to announce, against the plan itself, read as JSON.

use std::collections::BTreeSet;

use meshlift_twin::checkers::Announced;
use serde_json::Value;

use crate::run::plan;

fn texts<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn all<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[key].as_array().expect("a list").iter()
}

#[test]
fn the_checkers_take_a_plan_at_its_word() {
    let plan = plan(&crate::demo());
    let announced = Announced::of_plan(&plan);
    let json = serde_json::to_value(&plan).expect("JSON");
    let mut steps = 0;
    for step in all(&json, "steps") {
        let id = step["id"].as_str().expect("an id");
        let cover = &announced.covers[id];
        let actions = || all(step, "actions").map(|action| &action["do"]);
        let named = |verb: &'static str, key: &'static str| {
            texts(actions().filter(move |one| one["action"] == verb).map(move |one| &one[key]))
        };
        let mut objects = named("move", "workload");
        objects.extend(named("scale", "workload"));
        objects.extend(named("select-revision", "namespace").iter().map(|name| format!("Namespace/{name}")));
        let crds = actions().filter(|one| one["action"] == "apply-crds").flat_map(|one| all(one, "names"));
        objects.extend(texts(crds).iter().map(|name| format!("CustomResourceDefinition/{name}")));
        let installed = actions().filter(|one| one["action"] == "install-revision");
        objects.extend(texts(installed.flat_map(|one| all(one, "creates"))));
        let removed = actions().filter(|one| one["action"] == "remove-revision");
        objects.extend(texts(removed.flat_map(|one| all(one, "objects"))));
        let moves = || actions().filter(|one| one["action"] == "move").flat_map(|one| all(one, "cures"));
        let raised = moves().filter(|one| one["cure"] == "raise-quota");
        objects.extend(texts(raised.map(|one| &one["quota"])));
        objects.extend(texts(moves().filter_map(|one| one["autoscaler"].get(0))));
        let covered: BTreeSet<String> = cover.objects.iter().map(ToString::to_string).collect();
        assert_eq!(covered, objects, "{id}");
        let tags: BTreeSet<String> =
            named("set-tag", "tag").into_iter().chain(named("remove-tag", "tag")).collect();
        assert_eq!(cover.tags, tags, "{id}");
        let mut revisions = named("install-revision", "revision");
        revisions.extend(named("remove-revision", "revision"));
        assert_eq!(cover.revisions, revisions, "{id}");
        for floor in all(step, "floors") {
            let workload = floor["workload"].as_str().expect("a workload").parse().expect("a reference");
            assert!(i64::from(announced.floors[&workload]) <= floor["ready_min"].as_i64().expect("a count"));
            if floor.get("accepted_loss").is_some() {
                assert!(announced.accepted_loss.contains(&workload), "{workload}");
            }
        }
        steps += 1;
    }
    assert_eq!((steps, announced.steps.len()), (plan.steps.len(), plan.steps.len()));
    assert_eq!(announced.limits.wave_pods_max, meshlift_model::defaults::WAVE_PODS_MAX);
    assert!(announced.held.is_empty() && announced.accepted_loss.len() >= 3, "{:?}", announced.accepted_loss);
}
