//! Our own crash: at any byte of the journal, and at any line of a run and of its rollback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fold;
mod footprints;
mod scene;
mod sweep;

use meshlift_model::k8s::{Pod, Resource};
use meshlift_ports::WorldPort;
use meshlift_twin::DeleteOptions;
use meshlift_twin::traffic::Corner;
use scene::Scene;
use sweep::Sweep;

/// The last step: everything is done when it is taken back.
const LAST: Option<&str> = Some("cleanup");
/// Places of the recorded mesh at which the process dies.
const PLACES: usize = 200;

/// Dies at every line of the small mesh's run, or of its rollback.
fn small(rollback_after: Option<&str>) {
    let scene = Scene::small();
    let sweep = Sweep::new(&scene, rollback_after, 0);
    sweep.check(&sweep.every_line(sweep.turn()));
}

/// The same of the recorded mesh, with its seeded places.
fn recorded(rollback_after: Option<&str>) {
    let scene = Scene::before();
    let sweep = Sweep::new(&scene, rollback_after, 0);
    sweep.check(&sweep.some_lines(sweep.turn(), PLACES));
}

#[test]
fn a_shared_snapshot_is_what_a_fresh_one_says() {
    let scene = Scene::small();
    let mut world = scene.rehearsal(0).world(Corner::BEST);
    let pod = world.twin().cluster.store.list_all::<Pod>().next().unwrap().object_ref();
    world.shared_snapshot().unwrap();
    world.twin_mut().cluster.delete(&pod, &DeleteOptions::default()).unwrap();
    for _ in 0..30 {
        let until = world.now().plus_seconds(20);
        while world.now() < until {
            world.next(Some(until));
        }
        assert_eq!(*world.shared_snapshot().unwrap(), world.export());
    }
}

#[test]
fn a_small_run_is_taken_over_at_every_line() {
    small(None);
}

#[test]
fn a_small_rollback_is_taken_over_at_every_line() {
    small(LAST);
}

#[test]
fn a_recorded_meshs_run_is_taken_over_at_200_places() {
    recorded(None);
}

#[test]
fn a_recorded_meshs_rollback_is_taken_over_at_200_places() {
    recorded(LAST);
}
