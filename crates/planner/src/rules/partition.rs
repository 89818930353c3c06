//! How namespaces fall into waves: pure arithmetic.

use meshlift_model::plant::{Plant, is_planted};

/// What counts of a namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Pods that move.
    pub(super) pods: usize,
    /// Seconds that undoing it takes alone.
    pub(super) undo_seconds: i64,
}

/// Limits of waves.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaveLimits<'l> {
    /// Share of all pods of each wave, in percent; what is left after them goes on without a share.
    pub(super) shares_percent: &'l [usize],
    /// Least pods of a wave.
    pub(super) pods_min: usize,
    /// Most pods of a wave, unless one namespace alone has more.
    pub(super) pods_max: usize,
    /// Longest time to undo a wave, unless one namespace alone takes longer.
    pub(super) undo_seconds_max: i64,
}

/// Numbers of namespaces per wave, in their order: each wave takes whole namespaces until its share of
/// `pods_all` is reached, and never one that would take it over a limit.
pub(super) fn partition(loads: &[Load], pods_all: usize, limits: WaveLimits<'_>) -> Vec<usize> {
    let mut waves = Vec::new();
    let mut rest = loads;
    let mut shares = limits.shares_percent.iter();
    while !rest.is_empty() {
        let share = shares.next().map(|percent| (pods_all * percent).div_ceil(100).max(limits.pods_min));
        let taken = take(rest, share.unwrap_or(usize::MAX), limits);
        waves.push(taken);
        rest = rest.get(taken..).unwrap_or_default();
    }
    waves
}

fn take(loads: &[Load], share: usize, limits: WaveLimits<'_>) -> usize {
    let (mut pods, mut undo_seconds, mut taken) = (0, 0, 0);
    for load in loads {
        let over =
            pods + load.pods > limits.pods_max || undo_seconds + load.undo_seconds > limits.undo_seconds_max;
        if taken > 0 && (over || pods >= share) && !is_planted(Plant::WaveOverLimit) {
            break;
        }
        pods += load.pods;
        undo_seconds += load.undo_seconds;
        taken += 1;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: WaveLimits<'_> =
        WaveLimits { shares_percent: &[5, 10], pods_min: 10, pods_max: 50, undo_seconds_max: 900 };

    fn loads(pods: &[usize]) -> Vec<Load> {
        pods.iter().map(|pods| Load { pods: *pods, undo_seconds: 10 }).collect()
    }

    #[test]
    fn waves_take_whole_namespaces_until_their_share_is_reached() {
        // 5 % of 100 is less than the least; 10 % is reached by the third; the rest goes by the limit.
        assert_eq!(partition(&loads(&[4, 6, 12, 30, 30, 18]), 100, LIMITS), [2, 1, 1, 2]);
    }

    #[test]
    fn a_namespace_over_the_limit_is_alone() {
        assert_eq!(partition(&loads(&[80, 1, 80]), 161, LIMITS), [1, 1, 1]);
    }

    #[test]
    fn time_to_undo_bounds_a_wave() {
        let slow = vec![Load { pods: 1, undo_seconds: 500 }; 3];
        assert_eq!(partition(&slow, 3, LIMITS), [1, 1, 1]);
        assert!(partition(&[], 0, LIMITS).is_empty());
    }
}
