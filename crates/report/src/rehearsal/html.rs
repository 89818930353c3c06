//! The report as one HTML file that needs nothing else: no scripts, no fonts, no network.

use meshlift_model::run_report::RunReport;
use meshlift_model::time::Time;

use super::{Rehearsal, losers, name, seconds, verdict};
use crate::text::{duration, figure, short};
use crate::words;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a2433;background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}\
.verdict{padding:1rem;border-left:.4rem solid #57606a;background:#f3f5f8}.done{border-color:#1a7f37}\
.waiting{border-color:#9a6700}.failed,.rolled-back{border-color:#cf222e}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #d8dee6;vertical-align:top}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto}\
.box{background:#f3f5f8;padding:.2rem 1rem}\
@media(prefers-color-scheme:dark){body{background:#12171f;color:#d7dee8}.verdict,.box{background:#1b2330}\
td,th{border-color:#2f3b4c}}";

/// The report as HTML.
#[must_use]
pub fn html(rehearsal: &Rehearsal<'_>) -> String {
    let Rehearsal { report, plan, seed } = rehearsal;
    let result = words::result(report.result);
    let title = format!("Rehearsal of {} → {}: {result}", versions(rehearsal), plan.target);
    let sections = [
        figures(report),
        section("Timeline", &timeline(report)),
        section("Steps", &steps(report)),
        section("What was lost, and why", &losses(report)),
        section("Ready endpoints", &endpoints(report)),
        section(
            "Worse than announced",
            &items(report.violations.iter().map(|v| format!("{} {}: {}", v.at, v.subject, v.detail))),
        ),
        section(
            "Waits for a person",
            &items(report.waiting.iter().map(|on| {
                let choose = if on.offers.is_empty() {
                    String::new()
                } else {
                    format!(" Choose: {}.", on.offers.join(", "))
                };
                format!("{}: {}{choose}", on.subject, on.reason)
            })),
        ),
        format!(
            "<div class=box>{}</div>",
            section("What this rests on", &items(report.assumptions.iter().cloned()))
        ),
        format!(
            "<div class=box>{}</div>",
            section("What was not tried", &items(report.not_tested.iter().cloned()))
        ),
    ];
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n<p class=\"verdict {result}\">{}</p>\n{}\n\
         <p>Plan {} · snapshot {} · seed {seed} · best and worst corner, virtual time.</p>\n</html>\n",
        escape(&verdict(rehearsal)),
        sections.join("\n"),
        short(&plan.digest),
        short(&plan.snapshot_digest),
        title = escape(&title),
    )
}

fn versions(rehearsal: &Rehearsal<'_>) -> String {
    rehearsal.plan.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn section(title: &str, body: &str) -> String {
    format!("<h2>{}</h2>\n{body}", escape(title))
}

fn items(items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("<li>{}</li>", escape(&item))).collect();
    if items.is_empty() { "<p>none</p>".to_owned() } else { format!("<ul>{items}</ul>") }
}

fn figures(report: &RunReport) -> String {
    let figures = &report.figures;
    let rows = [
        ("Time from start to end, bakes included", duration(figures.makespan_seconds)),
        ("Pods moved", figures.pods_moved.to_string()),
        ("Pods on top at the peak", figures.capacity_peak_extra_pods.to_string()),
        ("Requests lost, best corner", figure(figures.requests_lost)),
        ("… of these accepted by the intent", figure(figures.requests_lost_accepted)),
        ("Requests lost, worst corner", figure(figures.requests_lost_worst)),
        ("Requests in flight cut, best corner", figure(figures.requests_cut)),
        ("Open connections cut, best corner", figure(figures.connections_cut)),
        ("Undo of everything takes at most", duration(figures.undo_seconds_max)),
    ];
    table(&[], rows.iter().map(|(what, value)| vec![(*what).to_owned(), value.clone()]), 1)
}

fn steps(report: &RunReport) -> String {
    let rows = report.steps.iter().map(|step| {
        let took = seconds(step).map_or(String::new(), duration);
        vec![step.action.clone(), step.subject.clone(), step.state.clone(), step.undo.clone(), took]
    });
    table(&["step", "subject", "state", "undo", "took"], rows, 4)
}

fn losses(report: &RunReport) -> String {
    let rows = losers(report).into_iter().map(|workload| {
        vec![
            name(workload),
            words::verdict(workload.verdict).to_owned(),
            workload.why.join("; "),
            workload.accepted_hazards.join("; "),
            format!("{}/{}", workload.ready_min, workload.replicas),
            figure(workload.requests_lost),
            figure(workload.requests_lost_worst),
        ]
    });
    table(&["workload", "verdict", "why", "accepted", "ready", "best", "worst"], rows, 4)
}

fn endpoints(report: &RunReport) -> String {
    let rows = report.services.iter().map(|service| {
        vec![
            format!("{}/{}", service.namespace, service.name),
            service.endpoints.to_string(),
            service.endpoints_min.to_string(),
            service.endpoints_min_worst.to_string(),
        ]
    });
    table(&["Service", "at the start", "least, best corner", "least, worst corner"], rows, 1)
}

/// A table; cells from `numbers_from` on are figures.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>, numbers_from: usize) -> String {
    let class = |index: usize| if index >= numbers_from { " class=n" } else { "" };
    let head: String =
        head.iter().enumerate().map(|(i, cell)| format!("<th{}>{}</th>", class(i), escape(cell))).collect();
    let rows: String = rows
        .map(|row| {
            let cells = row.iter().enumerate();
            let cells: String =
                cells.map(|(i, cell)| format!("<td{}>{}</td>", class(i), escape(cell))).collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    if rows.is_empty() {
        "<p>nothing</p>".to_owned()
    } else {
        format!("<table>\n<tr>{head}</tr>\n{rows}</table>")
    }
}

/// Bars of all steps that began, on one axis of time.
fn timeline(report: &RunReport) -> String {
    const ROW: i64 = 22;
    const LABEL: i64 = 300;
    const BAR: i64 = 600;
    let begun: Vec<_> = report.steps.iter().filter_map(|step| Some((step, step.started?))).collect();
    let Some(start) = begun.iter().map(|(_, at)| *at).min() else { return "<p>nothing began</p>".to_owned() };
    let end = report.steps.iter().filter_map(|step| step.ended.max(step.started)).max().unwrap_or(start);
    let whole = end.millis_since(start).max(1);
    let x = |at: Time| LABEL + at.millis_since(start) * BAR / whole;
    let mut bars = String::new();
    for (index, (step, started)) in begun.iter().enumerate() {
        let y = i64::try_from(index).unwrap_or_default() * ROW;
        let width = (x(step.ended.unwrap_or(end)) - x(*started)).max(2);
        let colour = match step.state.as_str() {
            "done" => "#1a7f37",
            "waiting" => "#9a6700",
            "undone" | "held" => "#cf222e",
            _ => "#57606a",
        };
        bars.push_str(&format!(
            "<text x=0 y={} font-size=13 fill=currentColor>{}</text>\
             <rect x={} y={} width={width} height=14 fill=\"{colour}\"><title>{}</title></rect>\n",
            y + 14,
            escape(&crate::text::cut(&step.action, 40)),
            x(*started),
            y + 3,
            escape(&step.action)
        ));
    }
    let height = i64::try_from(begun.len()).unwrap_or_default() * ROW;
    format!("<svg viewBox=\"0 0 {} {height}\" role=img aria-label=timeline>\n{bars}</svg>", LABEL + BAR + 10)
}

/// Text for HTML: names come from clusters and are not trusted.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_cluster_stays_text() {
        assert_eq!(escape("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
    }
}
