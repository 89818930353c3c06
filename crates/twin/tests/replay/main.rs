//! Replay of recorded rollouts: the twin's controllers against what kube-controller-manager 1.34 did.
//!
//! The twin gets the state before, the commands at their times, and per pod the second in which it became
//! Ready and the time at which it was gone. Everything else it must do by itself. Which informer was faster
//! is not recorded, and sometimes shapes when a condition changes; so a replay holds if one of a few seeds
//! (histories that the twin deems possible) equals the recording.

mod compare;
mod recording;
mod timings;

use meshlift_twin::{AdmitAsIs, Config, Quirks, Twin};

use compare::{Track, differences, tracks_of_recording, tracks_of_twin};
use recording::Recording;
use timings::{Feed, ReplayTimings};

/// Histories tried until one equals the recording.
const SEEDS: u64 = 40;
/// Histories of which none may equal it, where a mistake is made.
const CONTROL_SEEDS: u64 = 10;

/// Runs one history.
fn replay(recording: &Recording, seed: u64, quirks: &Quirks, feed: Feed) -> Vec<Track> {
    let mut config = Config::new(seed);
    config.quirks = quirks.clone();
    let timings = ReplayTimings::new(recording, feed, seed);
    let mut twin = Twin::new(recording.time(1000), config, Box::new(AdmitAsIs), Box::new(timings));
    for object in recording.before() {
        twin.cluster.store.load(object);
    }
    for (at_millis, restart) in &recording.restarts {
        twin.run_until(recording.time(*at_millis));
        restart.carry_out(&mut twin);
    }
    twin.run_until(recording.end());
    tracks_of_twin(&twin, recording)
}

/// The history that comes closest: seed and differences.
fn closest(recording: &Recording, quirks: &Quirks, feed: Feed, seeds: u64) -> (u64, Vec<String>) {
    let recorded = tracks_of_recording(recording);
    let mut best: Option<(u64, Vec<String>)> = None;
    for seed in 0..seeds {
        let found = differences(&recorded, &replay(recording, seed, quirks, feed));
        if best.as_ref().is_none_or(|(_, fewest)| found.len() < fewest.len()) {
            best = Some((seed, found));
        }
        if best.as_ref().is_some_and(|(_, fewest)| fewest.is_empty()) {
            break;
        }
    }
    best.expect("there is at least one seed")
}

fn assert_equal(namespace: &str) {
    let recording = Recording::read(namespace);
    let (seed, differences) = closest(&recording, &Quirks::default(), Feed::WholeSeconds, SEEDS);
    assert!(differences.is_empty(), "{namespace}, seed {seed}:\n{}", differences.join("\n"));
}

#[test]
fn web() {
    assert_equal("web");
}

#[test]
fn payments() {
    assert_equal("payments");
}

#[test]
fn checkout() {
    assert_equal("checkout");
}

#[test]
fn data() {
    assert_equal("data");
}

#[test]
fn quota_tight() {
    assert_equal("quota-tight");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let recording = Recording::read("web");
    let run = || replay(&recording, 7, &Quirks::default(), Feed::WholeSeconds);
    assert_eq!(run(), run());
}

/// A mistake that no history may hide.
fn assert_fails(namespace: &str, quirks: &Quirks, feed: Feed) {
    let (seed, differences) = closest(&Recording::read(namespace), quirks, feed, CONTROL_SEEDS);
    assert!(!differences.is_empty(), "{namespace}: {quirks:?} went unnoticed with seed {seed}");
}

#[test]
fn surge_off_by_one_is_noticed() {
    let quirks = Quirks { surge_off_by_one: true, ..Quirks::default() };
    assert_fails("web", &quirks, Feed::WholeSeconds);
    assert_fails("payments", &quirks, Feed::WholeSeconds);
}

#[test]
fn ready_time_not_rounded_is_noticed() {
    let quirks = Quirks { ready_time_not_rounded: true, ..Quirks::default() };
    assert_fails("web", &quirks, Feed::Instants);
    // It is the rounding that the control misses, not the other feed.
    let (_, differences) = closest(&Recording::read("web"), &Quirks::default(), Feed::Instants, SEEDS);
    assert_eq!(differences, Vec::<String>::new());
}

#[test]
fn old_pods_scaled_before_new_ones_are_available_is_noticed() {
    let quirks = Quirks { old_before_new_available: true, ..Quirks::default() };
    assert_fails("web", &quirks, Feed::WholeSeconds);
    assert_fails("payments", &quirks, Feed::WholeSeconds);
}
