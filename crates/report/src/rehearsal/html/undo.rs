//! Time to undo at each point.

use super::axis::Axis;
use super::chart::{Chart, Scale, area, legend, line};
use super::course;
use super::timeline::shown;
use crate::page::markup::{Markup, el};
use crate::page::parts::{Column, folded, list, note, section, table};
use crate::rehearsal::Rehearsal;
use crate::text::duration;

/// The section.
pub(super) fn undo(rehearsal: &Rehearsal<'_>) -> Markup {
    let corner = shown(rehearsal);
    let course = course::undo(corner, rehearsal.plan);
    let forward_only = &rehearsal.plan.forward_only;
    let most = course.iter().map(|(_, seconds)| *seconds).max().unwrap_or(0);
    let never = el("h3", &[], "What cannot be undone")
        .and(list(forward_only, "Nothing in this plan is forward-only."));
    if most == 0 {
        let nothing = el("p", &[], "There was nothing to undo at any point.");
        return section("undo", "Time to undo at each point", nothing.and(never));
    }
    let sentence = format!("Taking back everything done so far takes at most {}.", duration(most));
    let axis = Axis::of(corner);
    let scale = Scale { low: 0, high: most + most / 8 };
    let drawing = Chart {
        id: "undo-curve",
        title: "Time to undo everything done so far",
        description: &sentence,
        scale,
        value: duration_or_zero,
        ticks: axis.ticks(corner),
        shortened: &axis.shortened,
    };
    let drawing =
        drawing.draw([area("undo-area", &course, &axis, scale), line("undo", &course, &axis, scale)]);
    let figure = el("figure", &[], el("figcaption", &[], sentence).and(drawing));
    let how = note(
        "Predicted by the plan, one step after the other, gated like the way forward. A step counts from its begin. \
         What is undone comes from the journal of what was really done.",
    );
    let key = legend(&[("undo", "undo of everything done so far")]);
    let rows = corner.steps.iter().filter_map(|step| {
        let started = step.started?;
        let (_, seconds) = course.iter().rfind(|(from, _)| *from <= started)?;
        let at = duration_or_zero(started.millis_since(corner.began) / 1000);
        Some(vec![step.action.as_str().into(), at.into(), duration_or_zero(*seconds).into()])
    });
    let columns = [Column::Text("Once begun"), Column::Figure("At"), Column::Figure("Undo of all so far")];
    let numbers = folded("The same as a table", table("Time to undo, step by step", &columns, rows));
    section("undo", "Time to undo at each point", how.and(key).and(figure).and(numbers).and(never))
}

fn duration_or_zero(seconds: i64) -> String {
    if seconds <= 0 { "0s".to_owned() } else { duration(seconds) }
}
