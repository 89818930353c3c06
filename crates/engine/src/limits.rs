//! How much may go on at once.

use meshlift_model::defaults::{
    CONCURRENT_WORKLOADS_MAX, CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX, RESTARTS_PER_MINUTE_MAX,
};
use meshlift_model::effect::Write;
use meshlift_model::plant::{Plant, is_planted};
use meshlift_model::time::Time;

use crate::ledger::Ledger;

/// The window of [`RESTARTS_PER_MINUTE_MAX`], in seconds.
const MINUTE_SECONDS: i64 = 60;

/// When the write may be done, if not now: restarted pods a minute are limited. A workload that is larger
/// than the limit goes alone.
pub(crate) fn restart_not_before(
    ledger: &Ledger,
    step: usize,
    action: usize,
    write: &Write,
    now: Time,
) -> Option<Time> {
    let cost = ledger.restart_cost(step, action, &write.change);
    if cost == 0 {
        return None;
    }
    let mut used = 0;
    for intent in ledger.intents.values().rev() {
        let free_again = intent.at.plus_seconds(MINUTE_SECONDS);
        if free_again <= now {
            break;
        }
        if intent.may_have_landed() {
            used += ledger.restart_cost(intent.step, intent.action, &intent.write.change);
        }
        if used > 0 && used + cost > RESTARTS_PER_MINUTE_MAX {
            return Some(free_again);
        }
    }
    None
}

/// Picks what may begin beside what is at work: so many in all, so many of one namespace.
pub(crate) fn admit(ledger: &Ledger, step: usize, at_work: &[usize], wishes: Vec<usize>) -> Vec<usize> {
    if is_planted(Plant::TooManyAtOnce) {
        return wishes;
    }
    let limits = &ledger.plan.intent.limits;
    let in_all = limits.concurrent_workloads_max.unwrap_or(CONCURRENT_WORKLOADS_MAX).max(1);
    let namespace = |action: &usize| ledger.action(step, *action).kind.subject().namespace.clone();
    let mut running: Vec<usize> = at_work.to_vec();
    let mut admitted = Vec::new();
    for wish in wishes {
        let mine = namespace(&wish);
        let beside = running.iter().filter(|other| !mine.is_empty() && namespace(other) == mine).count();
        if running.len() < in_all && beside < CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX {
            running.push(wish);
            admitted.push(wish);
        }
    }
    admitted
}
