//! The plan as a timeline: what each step does, when, what held it, what it kept, how it is undone.

use meshlift_model::intent::Window;
use meshlift_model::plan::{Floor, Stage, Step, StepUndo};
use meshlift_model::run_report::{GateReport, StepReport};
use meshlift_model::series::CornerSeries;

use super::axis::{Axis, WIDTH};
use super::chart::{legend, percent};
use super::course;
use crate::page::markup::{Markup, el, void};
use crate::page::parts::{badge, code, facts, folded, list, note, section};
use crate::plan::why_no_steps;
use crate::rehearsal::{Rehearsal, seconds};
use crate::text::{count, duration};

/// The section.
pub(super) fn timeline(rehearsal: &Rehearsal<'_>) -> Markup {
    let corner = shown(rehearsal);
    if rehearsal.report.steps.is_empty() {
        let nothing = el("p", &[], format!("There are no steps: {}.", why_no_steps(rehearsal.plan)));
        return section("timeline", "The plan as a timeline", nothing.and(windows(rehearsal)));
    }
    let axis = Axis::of(corner);
    let undo = course::undo(corner, rehearsal.plan);
    let steps = rehearsal.report.steps.iter().enumerate().map(|(index, report)| {
        let step = rehearsal.plan.steps.iter().find(|step| step.id == report.id);
        let gates = rehearsal.report.gates.iter().filter(|gate| gate.step == report.id);
        let undo = report.started.and_then(|at| undo.iter().rfind(|(from, _)| *from <= at));
        Row {
            number: index + 1,
            report,
            step,
            gates: gates.collect(),
            undo_so_far: undo.map_or(0, |(_, seconds)| *seconds),
            corner,
        }
        .item(&axis)
    });
    let how = note(
        "Virtual time of the rehearsal. A step does its work, then its gates are judged, then it bakes: nothing is \
         changed, everything is watched. Approvals are granted by the rehearsal at once; in a real run they wait for \
         a person. Open the line below a step for its reason, its \
         gates, its floors and its way back.",
    );
    let key = legend(&[("work", "at work"), ("bake", "bakes"), ("approval", "waits for an approval")]);
    let steps = el("ol", &[("class", "steps")], steps.collect::<Markup>());
    section("timeline", "The plan as a timeline", how.and(key).and(steps).and(windows(rehearsal)))
}

/// The corner whose steps the report tells.
pub(super) fn shown<'a>(rehearsal: &Rehearsal<'a>) -> &'a CornerSeries {
    let series = rehearsal.series;
    if series.best.steps == rehearsal.report.steps { &series.best } else { &series.worst }
}

fn windows(rehearsal: &Rehearsal<'_>) -> Markup {
    let windows = &rehearsal.plan.intent.windows;
    let head = el("h3", &[], "Maintenance windows and freezes");
    if windows.is_empty() {
        return head.and(el("p", &[], "None set: the plan may start at any time."));
    }
    let words = |window: &Window| {
        let kind = if window.freeze { "freeze" } else { "window" };
        let zone = window.zone.as_deref().unwrap_or("UTC");
        format!("{kind}: {} {}–{} {zone}", window.days, window.from, window.to)
    };
    head.and(list(windows.iter().map(words), ""))
        .and(note("This version of meshlift does not hold runs to windows: start the run inside of one."))
}

struct Row<'a> {
    number: usize,
    report: &'a StepReport,
    step: Option<&'a Step>,
    gates: Vec<&'a GateReport>,
    undo_so_far: i64,
    corner: &'a CornerSeries,
}

impl Row<'_> {
    fn item(&self, axis: &Axis) -> Markup {
        let number = el("span", &[("class", "number"), ("aria-hidden", "true")], self.number.to_string());
        let title = el("h3", &[], self.report.action.as_str());
        let (tone, mark) = state(&self.report.state);
        let head = number.and(title).and(badge(tone, mark, &self.report.state));
        let head = el("div", &[("class", "head")], head);
        let waits = self.report.waiting_on.as_ref().map(|on| {
            let words = if self.is_undone() {
                format!("Taken back: {}", on.reason)
            } else {
                format!("Waits: {}: {}", on.subject, on.reason)
            };
            el("p", &[("class", "waits")], words)
        });
        let body = head.and(self.bar(axis)).and(waits.unwrap_or_default()).and(self.details());
        el("li", &[], body)
    }

    fn meta(&self) -> Vec<String> {
        let since = |at: meshlift_model::time::Time| at.millis_since(self.corner.began) / 1000;
        let mut meta = Vec::new();
        if let Some(started) = self.report.started {
            let at = since(started);
            meta.push(if at <= 0 { "at the start".to_owned() } else { format!("at {}", duration(at)) });
        }
        let took = seconds(self.report).filter(|took| *took > 0 && !self.is_undone());
        if let Some(took) = took {
            let baked = baked_seconds(self.report, self.step);
            let bake = if baked > 0 { format!(", {} of it baking", duration(baked)) } else { String::new() };
            meta.push(format!("took {}{bake}", duration(took)));
        }
        let Some(step) = self.step else { return meta };
        if step.pods > 0 {
            meta.push(count(step.pods, "pod"));
            meta.push(floor(&step.floors));
        }
        let failed = self.gates.iter().filter(|gate| !gate.passed).count();
        if !self.gates.is_empty() {
            meta.push(match failed {
                0 => format!("{} passed", count(self.gates.len(), "gate")),
                failed => format!("{failed} of {} failed", count(self.gates.len(), "gate")),
            });
        }
        if approval(step) {
            meta.push("◆ approval".to_owned());
        }
        meta.push(match &step.undo {
            StepUndo::Inverse { .. } => {
                format!("undo {}, all so far {}", duration(step.undo_seconds), duration(self.undo_so_far))
            }
            StepUndo::ForwardOnly { .. } => "cannot be undone".to_owned(),
            StepUndo::NotNeeded => "nothing to undo".to_owned(),
        });
        meta
    }

    fn is_undone(&self) -> bool {
        self.report.state == "undone"
    }

    /// The words below say the same: the bar is for the eye alone.
    fn bar(&self, axis: &Axis) -> Markup {
        let Some(started) = self.report.started else {
            return el("div", &[("class", "bar"), ("aria-hidden", "true")], "");
        };
        let ended = self.report.ended.unwrap_or(self.corner.ended);
        // What does nothing is over at once, and is not at work until it is taken back.
        let is_idle = self.step.is_some_and(|step| step.actions.is_empty());
        let worked = self.report.baked_from.unwrap_or(if is_idle { started } else { ended });
        let part = |class: &str, from: i64, to: i64| {
            let (x, width) = (from.min(WIDTH - 40).to_string(), (to - from).max(40).to_string());
            void("rect", &[("class", class), ("x", &x), ("width", &width), ("height", "10")])
        };
        let baked = worked.plus_seconds(baked_seconds(self.report, self.step));
        let (from, through, to) = (axis.place(started), axis.place(worked), axis.place(baked));
        let bake = if to > through { part("bake", through, to) } else { Markup::default() };
        let view = format!("0 0 {WIDTH} 10");
        let drawing = el(
            "svg",
            &[("viewBox", &view), ("preserveAspectRatio", "none")],
            bake.and(part("work", from, through)),
        );
        let mark = |at: i64| {
            el("span", &[("class", "mark"), ("style", &format!("left:{}%", percent(at, WIDTH)))], "◆")
        };
        let before = self.step.filter(|step| step.person.is_some()).map(|_| mark(from));
        let after = self.step.filter(|step| step.approve_after).map(|_| mark(to));
        let marks: Markup = before.into_iter().chain(after).collect();
        el("div", &[("class", "bar"), ("aria-hidden", "true")], drawing.and(marks))
    }

    fn details(&self) -> Markup {
        let meta = self.meta().join(" · ");
        let Some(step) = self.step else { return el("p", &[("class", "meta")], meta) };
        let mut pairs: Vec<(&str, Markup)> = vec![("Why", step.reason.as_str().into())];
        if !self.report.subject.is_empty() {
            pairs.push(("Subjects", self.report.subject.as_str().into()));
        }
        let below = step.floors.iter().filter(|floor| floor.ready_min < floor.replicas || loses(floor));
        let below: Vec<Markup> = below.map(below_full).collect();
        if !below.is_empty() {
            pairs.push(("Below full capacity", el("ul", &[], below.into_iter().collect::<Markup>())));
        }
        if let Some(person) = &step.person {
            let commands =
                person.commands.iter().map(|line| el("pre", &[("tabindex", "0")], el("code", &[], line)));
            pairs.push(("Asks a person", Markup::from(&person.why).and(commands.collect::<Markup>())));
        }
        if !self.gates.is_empty() {
            let gate = |gate: &&GateReport| {
                let mark = if gate.passed { "passed" } else { "FAILED" };
                el("li", &[], format!("{mark}: {}: {}", gate.gate, gate.reason))
            };
            pairs.push(("Gates", el("ul", &[], self.gates.iter().map(gate).collect::<Markup>())));
        }
        if !step.may_move.is_empty() {
            let names = step.may_move.iter().map(ToString::to_string).collect::<Vec<_>>().join(" · ");
            pairs.push(("May move by themselves", names.into()));
        }
        pairs.push(("Way back", self.report.undo.as_str().into()));
        folded(meta, facts(pairs))
    }
}

/// Seconds that a step baked: what it was to bake, unless it was over before.
pub(super) fn baked_seconds(report: &StepReport, step: Option<&Step>) -> i64 {
    let planned = step.map_or(0, |step| step.bake_seconds);
    let left = report.baked_from.zip(report.ended).map(|(from, to)| to.millis_since(from) / 1000);
    left.map_or(0, |left| left.clamp(0, planned))
}

fn loses(floor: &Floor) -> bool {
    floor.accepted_loss.is_some()
}

fn below_full(floor: &Floor) -> Markup {
    let accepted = floor.accepted_loss.as_ref().map_or(String::new(), |loss| format!(" – accepted: {loss}"));
    let words = format!(" keeps {} of {}{accepted}", floor.ready_min, floor.replicas);
    el("li", &[], code(floor.workload.to_string()).and(words))
}

fn floor(floors: &[Floor]) -> String {
    let below = floors.iter().filter(|floor| floor.ready_min < floor.replicas).count();
    if below == 0 { "all kept at full capacity".to_owned() } else { format!("{below} below full capacity") }
}

fn approval(step: &Step) -> bool {
    step.approve_after || step.person.is_some() || step.stage == Stage::NotBuilt
}

/// Tone and mark of a step's state.
fn state(state: &str) -> (&'static str, &'static str) {
    match state {
        "done" => ("good", "✓"),
        "waiting" => ("warn", "◷"),
        "held" => ("bad", "✕"),
        "undone" => ("warn", "↩"),
        _ => ("dim", "…"),
    }
}
