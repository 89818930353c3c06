//! Hazards planted in clean meshes: where a check says that requests are lost or that a rollout sticks, the twin shows it,
//! and shows nothing where the hazard only looks like one.

use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_testkit::mutations::{Change, Mutation, mutations};
use meshlift_twin::traffic::Corner;

use crate::driver::Driver;
use crate::simulate;

/// Checks that say: requests are lost even if everything goes well.
const LOSES: [&str; 4] = ["ML1001", "ML1002", "ML1003", "ML1004"];
/// Checks that say: the rollout cannot finish.
const STICKS: [&str; 3] = ["ML1010", "ML1012", "ML1013"];

fn planted(codes: &[&str]) -> Vec<(Mutation, ObjectRef)> {
    let of = mutations().into_iter().filter(|one| one.on_twin && codes.contains(&one.code));
    let of: Vec<_> = of.map(|one| (one, one.subject.parse().unwrap())).collect();
    let planted = |code: &&str| of.iter().any(|(one, _)| one.code == *code);
    assert!(codes.iter().all(planted), "nothing is planted for one of {codes:?}");
    of
}

#[test]
fn the_catalogue_says_which_hazards_the_twin_shows() {
    assert_eq!([LOSES.as_slice(), &STICKS].concat(), meshlift_checks::catalogue::SHOWN_BY_TWIN);
}

fn changed(mutation: &Mutation, change: Change) -> Snapshot {
    let recording = meshlift_snapshot::fixtures::cluster(mutation.base.recording()).unwrap();
    let mut mesh = mutation.base.clean(&recording);
    change(&mut mesh, &recording);
    mesh
}

#[test]
fn planted_gaps_lose_requests_in_the_best_corner() {
    for (mutation, workload) in planted(&LOSES) {
        let lost = |change: Change| {
            let traffic =
                simulate(&changed(&mutation, change), std::slice::from_ref(&workload), Corner::BEST);
            traffic.workloads.get(&workload).map_or(0.0, |figures| figures.loss.lost_millis)
        };
        assert!(lost(mutation.plant) > 0.0, "{}: nothing is lost on the twin", mutation.code);
        let near = lost(mutation.near_miss);
        assert!(near <= 0.0, "{}: its near miss loses {near} ms", mutation.code);
    }
}

#[test]
fn planted_obstacles_stop_the_rollout() {
    for (mutation, workload) in planted(&STICKS) {
        let hands =
            |change: Change| Driver::load(&changed(&mutation, change), Corner::BEST, 7).restart(&workload);
        assert!(!hands(mutation.plant).is_empty(), "{}: the twin rolls it to its end", mutation.code);
        let near = hands(mutation.near_miss);
        assert!(near.is_empty(), "{}: its near miss waits for {near:?}", mutation.code);
    }
}
