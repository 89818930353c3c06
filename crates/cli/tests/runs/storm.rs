//! An API server that turns requests away, cuts them, loses its answers and forgets: the run ends as in fair weather.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use meshlift_cluster::Fate;

use crate::lab::{Lab, NEW};
use crate::{announced, everything_is_back, make_plan};

/// Requests of a hundred that do not go well.
const PERCENT: u64 = 10;
/// Times that a run is taken up again at most: each storm may be longer than patience.
const RESUMES_MAX: usize = 6;

/// Fates in an order that is the same in every run, and how often each came.
#[derive(Clone, Default)]
struct Weather {
    asked: Arc<AtomicU64>,
    came: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Weather {
    fn fate(&self, method: &str, path: &str) -> Fate {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        // splitmix64: neighbours have nothing in common.
        let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        if bits % 100 >= PERCENT || path.contains("/portforward") {
            return Fate::Pass;
        }
        let may_be_too_old = method == "GET" && (path.contains("limit=") || path.contains("watch="));
        let (name, fate) = match (bits >> 32) % 7 {
            0 => ("500", Fate::Answer(500, None)),
            1 => ("503", Fate::Answer(503, Some(1))),
            2 => ("429", Fate::Answer(429, Some(1))),
            3 if may_be_too_old => ("410", Fate::Answer(410, None)),
            3 | 4 if method != "GET" => ("409", Fate::Answer(409, None)),
            3 | 4 => ("504", Fate::Answer(504, None)),
            5 => ("cut", Fate::Cut(Box::new(|| ()))),
            _ => ("lost", Fate::LoseAnswer(Box::new(|| ()))),
        };
        *self.came.lock().unwrap().entry(name).or_default() += 1;
        fate
    }
}

#[test]
fn a_run_ends_as_in_fair_weather() {
    let lab = Lab::up();
    let (before, watcher) = (lab.mesh(), lab.watcher());
    let plan = make_plan(&lab);
    let weather = Weather::default();
    let fates = weather.clone();
    let proxy = lab.proxy(move |method, path| fates.fate(method, path));
    let drive = |first: &[&str], again: &[&str], word: &str| {
        let mut said = lab.run_with(proxy.kubeconfig(), first);
        for _ in 0..RESUMES_MAX {
            if said.stdout.contains(word) {
                return;
            }
            eprintln!("{} {}{}", said.exit, said.stdout, said.stderr);
            said = lab.run_with(proxy.kubeconfig(), again);
        }
        assert!(said.stdout.contains(word), "{}{}", said.stdout, said.stderr);
    };
    let first = lab.onward(&["apply", &plan, "--yes"], "tag-default");
    drive(&first, &lab.onward(&["resume"], "tag-default"), "a person paused the run");
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW]);
    watcher.check(&announced(&plan));
    drive(&["rollback"], &["rollback"], "ROLLED BACK");
    everything_is_back(&lab, &before);
    watcher.check(&announced(&plan));
    let came = weather.came.lock().unwrap();
    assert!(came.len() >= 7 && came.values().all(|count| *count >= 3), "{came:?}");
    eprintln!("{came:?}");
}
