//! Pods that move by themselves between a selector's change and their restart go back with the selector.

use meshlift_driver::DriverPolicy;
use meshlift_model::journal::{Command, RunResult};
use meshlift_ports::WorldPort;

use crate::plan::{plan, world};
use crate::run::{approving, go_on, run};
use crate::workload::TARGET;

#[test]
fn a_pod_that_moved_before_its_restart_goes_back() {
    for (name, command) in [("cart", Command::Rollback), ("cart", Command::Abort)] {
        let mut world = world();
        let before = world.summary();
        // bff and shop roll, cart has not begun: whatever is made in its namespace gets the new revision.
        world.commands.insert(3, Command::Pause);
        let ran = run(&mut world, &plan(), &approving());
        let me = format!("Deployment/web/{name}");
        let now = world.now;
        let uid = world.workload(&me).pods[0].uid.clone();
        world.workload(&me).terminate(&uid, now);
        world.next(Some(now.plus_seconds(20)));
        let moved = |world: &mut crate::world::World| {
            world.workload(&me).living().any(|pod| pod.revision.as_deref() == Some(TARGET))
        };
        assert!(moved(&mut world), "it moved by itself");
        let policy = DriverPolicy { commands: vec![command.clone()], ..approving() };
        let ran = go_on(&mut world, ran.journal, &policy);
        let expected = if command == Command::Rollback { RunResult::RolledBack } else { RunResult::Waiting };
        assert_eq!(ran.result, expected, "{}", ran.reason());
        assert!(!moved(&mut world), "{command:?}: {}", ran.reason());
        let after = world.summary();
        for line in before {
            assert!(after.contains(&line), "{command:?}: {line} is missing in {after:#?}");
        }
    }
}
