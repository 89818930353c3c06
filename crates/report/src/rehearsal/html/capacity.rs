//! Ready capacity over time, with the announced floor.

use std::collections::BTreeMap;

use meshlift_model::names::ObjectRef;
use meshlift_model::series::{CornerSeries, WorkloadSeries};
use meshlift_model::time::Time;

use super::axis::{Axis, WIDTH};
use super::chart::{Chart, Scale, area, band, legend, line, outline};
use super::course::{self, Course};
use crate::page::markup::{Markup, el, void};
use crate::page::parts::{Column, code, folded, note, section, table};
use crate::rehearsal::Rehearsal;
use crate::text::{count, duration};

/// Workloads that are drawn one by one; the table has them all.
const DRAWN_MAX: usize = 24;
/// Seconds before and after its move that a workload's drawing shows.
const MARGIN_SECONDS: i64 = 10;

/// The section.
pub(super) fn capacity(rehearsal: &Rehearsal<'_>) -> Markup {
    let series = rehearsal.series;
    let corners = [("best", "Best corner", &series.best), ("worst", "Worst corner", &series.worst)];
    if corners.iter().all(|(_, _, corner)| corner.workloads.is_empty()) {
        return section("capacity", "Ready capacity over time", el("p", &[], "No pod came or went."));
    }
    let charts = corners.map(|(id, name, corner)| chart(rehearsal, id, name, corner));
    let key = legend(&[
        ("ready", "ready pods"),
        ("floor", "floor that the plan announced"),
        ("desired", "desired pods"),
        ("bake", "pods move"),
    ]);
    let how = note(
        "Ready pods of all workloads that the plan moves, added up; what a workload has on top of what it wants does \
         not count. While a step moves pods, the floor says how many the plan announced to keep ready. The axis of \
         values does not start at 0; ≈ marks quiet time that is drawn shorter than it lasts.",
    );
    section("capacity", "Ready capacity over time", how.and(key).and(charts).and(dips(rehearsal)))
}

fn chart(rehearsal: &Rehearsal<'_>, id: &str, name: &str, corner: &CornerSeries) -> Markup {
    let axis = Axis::of(corner);
    let (ready, floor) = (course::ready(corner), course::floor(corner, rehearsal.plan));
    let desired = course::desired(corner);
    let (low, high) = (least(&ready).min(least(&floor)), most(&ready).max(desired));
    let margin = ((high - low) / 8).max(1);
    let scale = Scale { low: (low - margin).max(0), high: high + margin };
    let below = below_floor(&ready, &floor, corner.ended);
    let sentence = format!(
        "{name}: never fewer than {} of {desired} pods ready; the lowest announced floor is {}; {}.",
        least(&ready),
        least(&floor),
        if below == 0 {
            "the sum never went below it".to_owned()
        } else {
            format!("the sum was below it for {}", duration(below))
        }
    );
    let bands = course::at_work(corner, rehearsal.plan).filter(|(step, ..)| step.pods > 0);
    let bands: Markup = bands.map(|(_, from, to)| band("bake", axis.place(from), axis.place(to))).collect();
    let drawing = Chart {
        id: &format!("capacity-{id}"),
        title: &format!("Ready pods over time, {}", name.to_lowercase()),
        description: &sentence,
        scale,
        value: |value| value.to_string(),
        ticks: axis.ticks(corner),
        shortened: &axis.shortened,
    };
    let shapes = [
        bands,
        area("ready-area", &ready, &axis, scale),
        line("desired", &vec![(corner.began, desired)], &axis, scale),
        line("ready", &ready, &axis, scale),
        line("floor", &floor, &axis, scale),
    ];
    let caption = el("figcaption", &[], sentence.as_str());
    el("figure", &[], caption.and(drawing.draw(shapes)))
}

fn least(course: &Course) -> i64 {
    course.iter().map(|(_, value)| *value).min().unwrap_or(0)
}

fn most(course: &Course) -> i64 {
    course.iter().map(|(_, value)| *value).max().unwrap_or(0)
}

/// Seconds in which the one was below the other; a part of a second counts.
fn below_floor(ready: &Course, floor: &Course, ended: Time) -> i64 {
    let value = |course: &Course, at: Time| {
        let after = course.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map_or(0, |index| course[index].1)
    };
    let mut times: Vec<Time> = ready.iter().chain(floor).map(|(at, _)| *at).chain([ended]).collect();
    times.sort_unstable();
    times.dedup();
    let below = times.windows(2).filter(|pair| value(ready, pair[0]) < value(floor, pair[0]));
    let millis: i64 = below.map(|pair| pair[1].millis_since(pair[0])).sum();
    millis / 1000 + i64::from(millis % 1000 > 0)
}

/// One workload in both corners.
struct Both<'a> {
    workload: &'a ObjectRef,
    replicas: i32,
    floor: Option<i32>,
    corners: Vec<Seen<'a>>,
}

/// One workload in one corner.
struct Seen<'a> {
    class: &'static str,
    series: &'a WorkloadSeries,
    seconds_below: i64,
    moved: (Time, Time),
}

impl Both<'_> {
    fn least(&self) -> i32 {
        let ready = self.corners.iter().flat_map(|seen| seen.series.ready.iter().map(|(_, n)| *n));
        ready.min().unwrap_or(0)
    }

    fn words(&self) -> String {
        let (least, replicas) = (self.least(), self.replicas);
        let floor = match self.floor {
            None => String::new(),
            Some(floor) if least < floor => format!(", BELOW its floor of {floor}"),
            Some(floor) => format!(", floor {floor}"),
        };
        format!("at least {least} of {replicas} ready{floor}")
    }
}

/// Workloads that had fewer ready pods than they want, the lowest share first.
fn dips(rehearsal: &Rehearsal<'_>) -> Markup {
    let mut all: BTreeMap<&ObjectRef, Both<'_>> = BTreeMap::new();
    let series = rehearsal.series;
    for (class, corner) in [("ready", &series.best), ("worst-line", &series.worst)] {
        for one in &corner.workloads {
            let both = all.entry(&one.workload).or_insert_with(|| Both {
                workload: &one.workload,
                replicas: one.replicas,
                floor: course::floor_of(rehearsal.plan, &one.workload),
                corners: Vec::new(),
            });
            let work = course::work_on(corner, rehearsal.plan, &one.workload);
            both.corners.push(Seen {
                class,
                series: one,
                seconds_below: course::seconds_below(one, corner.ended),
                moved: course::moved(one, work).unwrap_or((corner.began, corner.began)),
            });
        }
    }
    let moved = all.len();
    let mut dipped: Vec<Both<'_>> = all.into_values().filter(|both| both.least() < both.replicas).collect();
    dipped.sort_by_key(|both| {
        (i64::from(both.least()) * 1000 / i64::from(both.replicas.max(1)), both.workload)
    });
    let head = el("h3", &[], "Workloads below full capacity while they moved");
    if dipped.is_empty() {
        let all = format!("None: all {} kept every pod ready.", count(moved, "workload"));
        return head.and(el("p", &[], all));
    }
    let said = format!(
        "{} of {} had fewer ready pods than desired for a while; the others kept all of theirs.",
        dipped.len(),
        count(moved, "workload")
    );
    let key = legend(&[
        ("ready", "best corner"),
        ("worst-line", "worst corner"),
        ("floor", "announced floor"),
        ("desired", "desired pods"),
    ]);
    let drawn: Markup =
        dipped.iter().take(DRAWN_MAX).enumerate().map(|(index, both)| small(both, index)).collect();
    let rest = folded("The same as a table", rows(&dipped));
    head.and(el("p", &[], said)).and(key).and(el("div", &[("class", "smalls")], drawn)).and(rest)
}

fn small(both: &Both<'_>, index: usize) -> Markup {
    let spans = both.corners.iter().map(|seen| seen.moved.1.millis_since(seen.moved.0) / 1000);
    let seconds = spans.max().unwrap_or(0) + 2 * MARGIN_SECONDS;
    let most = both.corners.iter().flat_map(|seen| seen.series.ready.iter().map(|(_, n)| *n)).max();
    let scale = Scale { low: 0, high: i64::from(most.unwrap_or(0).max(both.replicas + 1)) };
    let lines = both.corners.iter().map(|seen| {
        let since = |at: Time| at.millis_since(seen.moved.0) + MARGIN_SECONDS * 1000;
        let place = |at: Time| since(at) * WIDTH / (seconds * 1000);
        let ready: Course = seen.series.ready.iter().map(|(at, n)| (*at, i64::from(*n))).collect();
        void("path", &[("class", seen.class), ("d", &outline(&ready, place, scale))])
    });
    let flat = |class: &str, value: i32| {
        let y = scale.place(i64::from(value));
        void("path", &[("class", class), ("d", &format!("M0 {y}H{WIDTH}"))])
    };
    let floor = both.floor.map(|floor| flat("floor", floor));
    let shapes: Markup = lines.chain([flat("desired", both.replicas)]).chain(floor).collect();
    let sentence = both.words();
    let drawing = Chart {
        id: &format!("small-{index}"),
        title: &format!("Ready pods of {} while it moved", both.workload.short()),
        description: &sentence,
        scale,
        value: |value| value.to_string(),
        ticks: vec![(0, "0s".to_owned()), (WIDTH, duration(seconds))],
        shortened: &[],
    };
    let caption = el("figcaption", &[], code(both.workload.short()).and(el("span", &[], sentence.as_str())));
    el("figure", &[], caption.and(drawing.draw(shapes)))
}

fn rows(dipped: &[Both<'_>]) -> Markup {
    let columns = [
        Column::Text("Workload"),
        Column::Figure("Desired"),
        Column::Figure("Announced floor"),
        Column::Figure("Least ready"),
        Column::Figure("Below desired, best corner"),
        Column::Figure("Below desired, worst corner"),
    ];
    let rows = dipped.iter().map(|both| {
        let time = |class: &str| {
            let seen = both.corners.iter().find(|seen| seen.class == class);
            seen.map_or("–".to_owned(), |seen| format!("{} s", seen.seconds_below))
        };
        vec![
            code(both.workload.to_string()),
            both.replicas.to_string().into(),
            both.floor.map_or("–".to_owned(), |floor| floor.to_string()).into(),
            both.least().to_string().into(),
            time("ready").into(),
            time("worst-line").into(),
        ]
    });
    table("Workloads below full capacity while they moved", &columns, rows)
}
