//! Charts: the drawing is stretched to its window, the words around it are not, so that they stay readable on a
//! narrow one.

use meshlift_model::time::Time;

use super::axis::{Axis, WIDTH};
use super::course::Course;
use crate::page::markup::{Markup, el, void};

/// Units of a drawing from bottom to top.
const HEIGHT: i64 = 1000;

/// From value to height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Value at the bottom.
    pub(super) low: i64,
    /// Value at the top.
    pub(super) high: i64,
}

impl Scale {
    /// Distance from the top.
    pub(super) fn place(self, value: i64) -> i64 {
        let span = (self.high - self.low).max(1);
        HEIGHT - (value.clamp(self.low, self.high) - self.low) * HEIGHT / span
    }

    /// Values to be written beside the drawing.
    fn ticks(self) -> [i64; 3] {
        [self.low, i64::midpoint(self.low, self.high), self.high]
    }
}

/// A drawing and the words around it.
pub(super) struct Chart<'a> {
    /// Id, for its title.
    pub(super) id: &'a str,
    /// What it shows.
    pub(super) title: &'a str,
    /// What is to be seen, for those who do not see it.
    pub(super) description: &'a str,
    pub(super) scale: Scale,
    /// Words for a value.
    pub(super) value: fn(i64) -> String,
    /// Places and words below the drawing.
    pub(super) ticks: Vec<(i64, String)>,
    /// Places of stretches that are drawn shorter than they last.
    pub(super) shortened: &'a [(i64, i64)],
}

impl Chart<'_> {
    /// The figure with these shapes.
    pub(super) fn draw(&self, shapes: impl Into<Markup>) -> Markup {
        let (title, description) = (format!("{}-t", self.id), format!("{}-d", self.id));
        let drawing = el(
            "svg",
            &[
                ("role", "img"),
                ("aria-labelledby", &format!("{title} {description}")),
                ("viewBox", &format!("0 0 {WIDTH} {HEIGHT}")),
                ("preserveAspectRatio", "none"),
            ],
            [
                el("title", &[("id", &title)], self.title),
                el("desc", &[("id", &description)], self.description),
                self.grid(),
                shapes.into(),
            ],
        );
        let frame = el("div", &[("class", "frame")], self.values().and(drawing).and(self.times()));
        el("div", &[("class", "chart")], frame)
    }

    fn grid(&self) -> Markup {
        let line = |value: i64| {
            let y = self.scale.place(value);
            void("path", &[("class", "grid"), ("d", &format!("M0 {y}H{WIDTH}"))])
        };
        self.scale.ticks().map(line).into()
    }

    fn values(&self) -> Markup {
        let word = |value: i64| {
            let top = format!("top:{}%", percent(self.scale.place(value), HEIGHT));
            el("span", &[("style", &top)], (self.value)(value))
        };
        el("div", &[("class", "values"), ("aria-hidden", "true")], self.scale.ticks().map(word))
    }

    fn times(&self) -> Markup {
        let word = |(place, word): &(i64, String)| {
            let class = match *place {
                0 => "first",
                WIDTH => "last",
                _ => "middle",
            };
            let left = format!("left:{}%", percent(*place, WIDTH));
            el("span", &[("class", class), ("style", &left)], word)
        };
        let mark = |(from, to): &(i64, i64)| {
            let left = format!("left:{}%", percent(i64::midpoint(*from, *to), WIDTH));
            el("span", &[("class", "quiet"), ("style", &left)], "≈")
        };
        let words: Markup = self.ticks.iter().map(word).chain(self.shortened.iter().map(mark)).collect();
        el("div", &[("class", "times"), ("aria-hidden", "true")], words)
    }
}

/// With one decimal, without floating point: the same on every machine.
pub(super) fn percent(part: i64, whole: i64) -> String {
    let thousandths = part * 1000 / whole.max(1);
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

/// A line of steps; it ends at the end of the axis.
pub(super) fn line(class: &str, course: &Course, axis: &Axis, scale: Scale) -> Markup {
    void("path", &[("class", class), ("d", &outline(course, |at| axis.place(at), scale))])
}

/// As [`line`], filled down to the bottom.
pub(super) fn area(class: &str, course: &Course, axis: &Axis, scale: Scale) -> Markup {
    let d = format!("{}V{HEIGHT}H0Z", outline(course, |at| axis.place(at), scale));
    void("path", &[("class", class), ("d", &d)])
}

/// The path of a line of steps from the left edge to the right one.
pub(super) fn outline(course: &Course, place: impl Fn(Time) -> i64, scale: Scale) -> String {
    let mut d = String::new();
    let mut last = None;
    for (at, value) in course {
        let (x, y) = (place(*at).clamp(0, WIDTH), scale.place(*value));
        match last {
            None => d.push_str(&format!("M0 {y}")),
            Some(before) if before != y => d.push_str(&format!("H{x}V{y}")),
            Some(_) => {}
        }
        last = Some(y);
    }
    if d.is_empty() { d } else { format!("{d}H{WIDTH}") }
}

/// A stretch of time behind the lines.
pub(super) fn band(class: &str, from: i64, to: i64) -> Markup {
    let (x, width) = (from.to_string(), (to - from).max(1).to_string());
    let height = HEIGHT.to_string();
    void("rect", &[("class", class), ("x", &x), ("y", "0"), ("width", &width), ("height", &height)])
}

/// What the lines of a drawing mean.
pub(super) fn legend(entries: &[(&str, &str)]) -> Markup {
    let entry = |(class, word): &(&str, &str)| {
        if *class == "approval" {
            return el(
                "li",
                &[],
                el("span", &[("class", "sample"), ("aria-hidden", "true")], "◆").and(*word),
            );
        }
        let sample = el(
            "svg",
            &[("aria-hidden", "true"), ("viewBox", "0 0 28 10")],
            match *class {
                "work" | "bake" => void("rect", &[("class", class), ("width", "28"), ("height", "10")]),
                _ => void("path", &[("class", class), ("d", "M0 5H28")]),
            },
        );
        el("li", &[], sample.and(*word))
    };
    el("ul", &[("class", "legend")], entries.iter().map(entry).collect::<Markup>())
}
