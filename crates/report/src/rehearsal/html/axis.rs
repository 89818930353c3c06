//! The axis of time. Bakes and observation windows last hours in which nothing changes: such stretches are
//! drawn shorter, and marked.

use meshlift_model::series::CornerSeries;
use meshlift_model::time::Time;

use crate::text::duration;

/// Units of the whole axis.
pub(super) const WIDTH: i64 = 10_000;
/// A stretch in which nothing changes is drawn as so much at most.
const QUIET_SECONDS_MAX: i64 = 240;
/// Ticks are at least so far apart, so that their words do not meet on a narrow window.
const TICK_DISTANCE: i64 = 1300;

/// From time to place.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Time and place, both rising.
    knots: Vec<(Time, i64)>,
    /// Places of stretches that are drawn shorter than they last.
    pub(super) shortened: Vec<(i64, i64)>,
}

impl Axis {
    /// The axis of a run in one corner.
    pub(super) fn of(corner: &CornerSeries) -> Self {
        let steps = corner.steps.iter().flat_map(|step| [step.started, step.baked_from, step.ended]);
        let ready = corner.workloads.iter().flat_map(|workload| workload.ready.iter().map(|(at, _)| *at));
        Self::new(corner.began, corner.ended, steps.flatten().chain(ready))
    }

    fn new(began: Time, ended: Time, events: impl Iterator<Item = Time>) -> Self {
        let ended = ended.max(began.plus_seconds(1));
        let mut times: Vec<Time> = events.filter(|at| *at > began && *at < ended).collect();
        times.extend([began, ended]);
        times.sort_unstable();
        times.dedup();
        let lasts = |pair: &[Time]| pair[1].millis_since(pair[0]);
        let shown = |pair: &[Time]| lasts(pair).min(QUIET_SECONDS_MAX * 1000);
        let whole: i64 = times.windows(2).map(shown).sum();
        let mut axis = Self { knots: vec![(began, 0)], shortened: Vec::new() };
        let mut drawn = 0;
        for pair in times.windows(2) {
            let from = drawn * WIDTH / whole;
            drawn += shown(pair);
            let to = drawn * WIDTH / whole;
            axis.knots.push((pair[1], to));
            if shown(pair) < lasts(pair) {
                axis.shortened.push((from, to));
            }
        }
        axis
    }

    /// Place of a time.
    pub(super) fn place(&self, at: Time) -> i64 {
        let after = self.knots.partition_point(|(knot, _)| *knot <= at);
        match (after.checked_sub(1).and_then(|index| self.knots.get(index)), self.knots.get(after)) {
            (None, _) => 0,
            (Some((_, place)), None) => *place,
            (Some((from, start)), Some((to, end))) => {
                start + at.millis_since(*from) * (end - start) / to.millis_since(*from).max(1)
            }
        }
    }

    /// Times to be written below the axis, with their places: begin and end, and begins of steps between.
    pub(super) fn ticks(&self, corner: &CornerSeries) -> Vec<(i64, String)> {
        let label = |at: Time| duration(at.millis_since(corner.began) / 1000);
        let mut ticks = vec![(0, "start".to_owned())];
        for at in corner.steps.iter().filter_map(|step| step.started) {
            let place = self.place(at);
            let last = ticks.last().map_or(0, |(place, _)| *place);
            if place - last >= TICK_DISTANCE && WIDTH - place >= TICK_DISTANCE {
                ticks.push((place, label(at)));
            }
        }
        ticks.push((WIDTH, label(corner.ended)));
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_drawn_shorter_and_order_is_kept() {
        let at = Time::from_millis;
        let hour = 3_600_000;
        let axis = Axis::new(at(0), at(2 * hour), [at(60_000), at(60_000 + hour)].into_iter());
        let places = [0, 30_000, 60_000, hour, 2 * hour].map(|millis| axis.place(at(millis)));
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        assert_eq!((places[0], places[4]), (0, WIDTH));
        assert_eq!(axis.shortened.len(), 2, "the two long stretches");
        assert!(places[2] > WIDTH / 20, "what happens is given room: {places:?}");
    }

    #[test]
    fn a_run_that_ended_at_once_has_an_axis() {
        let axis = Axis::new(Time::default(), Time::default(), std::iter::empty());
        assert_eq!(axis.place(Time::default()), 0);
    }
}
