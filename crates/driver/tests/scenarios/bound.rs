//! What a tag selects for: its restarts can be taken back once the tag is.

use meshlift_driver::DriverPolicy;
use meshlift_model::action::{ActionKind, MoveHow};
use meshlift_model::journal::{Command, RunResult};
use meshlift_model::plan::{Plan, Stage, Step};

use crate::plan::{action, add, movement, plan, step, world};
use crate::run::{approving, go_on, run};
use crate::workload::{OLD, TARGET};
use crate::world::{World, namespace, target};

/// The tag's step returns labels; namespace edge follows the tag all along, and is moved in a step of its own.
fn bound_plan(stage: Stage) -> Plan {
    let mut plan = plan();
    let mut labels = plan.steps.remove(5);
    labels.actions.iter_mut().for_each(|action| action.phase = 1);
    plan.steps[4].actions.append(&mut labels.actions);
    let prove = ActionKind::ProveInjection {
        namespace: "edge".into(),
        revision: target(),
        workloads: vec!["Deployment/edge/edi".parse().unwrap()],
        settle_seconds: 10,
        proofs: 10,
    };
    let moves = vec![action(0, prove), movement("Deployment/edge/edi", MoveHow::Rollout, 2)];
    let bound: Step = step("bound", stage, &["tag-prod"], moves, vec![]);
    plan.steps.insert(5, bound);
    plan.steps[6].needs = vec!["bound".into()];
    plan
}

fn bound_world() -> World {
    let mut world = world();
    world.objects.extend([namespace("edge", "prod")]);
    add(&mut world, "Deployment", "edge/edi", 2, Some(OLD));
    world
}

#[test]
fn a_bound_step_that_fails_takes_its_tag_back_first() {
    for stage in [Stage::TagBound, Stage::Gateway] {
        let mut world = bound_world();
        world.workload("Deployment/edge/edi").nack_on = Some(TARGET);
        let ran = run(&mut world, &bound_plan(stage), &approving());
        assert_eq!(ran.result, RunResult::Waiting, "{}", ran.reason());
        assert_eq!((ran.state("tag-prod").as_str(), ran.state("bound").as_str()), ("undone", "undone"));
        let edi = &world.workloads[&"Deployment/edge/edi".parse().unwrap()];
        assert!(edi.living().all(|pod| pod.revision.as_deref() == Some(OLD)));
        assert_eq!(world.tags["prod"], OLD);
        let web = &world.objects[&"Namespace/web".parse().unwrap()];
        assert_eq!(web.meta().label("istio.io/rev"), Some(TARGET), "an earlier wave needs a person's word");
        // A person mends it and says go on.
        world.workload("Deployment/edge/edi").nack_on = None;
        let policy = DriverPolicy { commands: vec![Command::Resume], ..approving() };
        let ran = go_on(&mut world, ran.journal, &policy);
        assert_eq!(ran.result, RunResult::Done, "{}", ran.reason());
    }
}

#[test]
fn rollback_and_abort_at_any_write_take_the_tag_back_before_what_is_bound_to_it() {
    let plan = bound_plan(Stage::Gateway);
    let writes = {
        let mut world = bound_world();
        assert_eq!(run(&mut world, &plan, &approving()).result, RunResult::Done);
        world.writes.len()
    };
    for number in 0..writes {
        let mut world = bound_world();
        let before = world.summary();
        world.commands.insert(number, Command::Rollback);
        let ran = run(&mut world, &plan, &approving());
        assert_eq!(ran.result, RunResult::RolledBack, "at write {number}: {}", ran.reason());
        assert_eq!(world.summary(), before, "at write {number}");
        let mut world = bound_world();
        world.commands.insert(number, Command::Abort);
        let ran = run(&mut world, &plan, &approving());
        let held = ran.run.steps().into_iter().find(|step| step.state == "held" && step.id != "crds");
        assert!(held.is_none(), "abort at write {number}: {held:?}");
    }
}
