//! What was lost, and why, in the best and in the worst corner.

use meshlift_model::run_report::{RunReport, WorkloadReport};

use crate::page::markup::{Markup, el};
use crate::page::parts::{Column, badge, code, folded, note, section, table};
use crate::rehearsal::{Rehearsal, losers};
use crate::text::{count, figure};

/// Rows of workloads that lose in the worst corner alone that are shown at once.
const SHOWN_MAX: usize = 10;

/// The section.
pub(super) fn losses(rehearsal: &Rehearsal<'_>) -> Markup {
    let report = rehearsal.report;
    if report.workloads.is_empty() {
        return section("losses", "What was lost, and why", el("p", &[], "No traffic was simulated."));
    }
    let (gaps, exposed): (Vec<_>, Vec<_>) =
        losers(report).into_iter().partition(|workload| workload.requests_lost > 0.0);
    let unharmed = report.workloads.len() - gaps.len() - exposed.len();
    let body = words_of_corners()
        .and(el("h3", &[], "Lost even in the best corner"))
        .and(lost_in_best(report, &gaps))
        .and(el("h3", &[], "Exposed: lost in the worst corner alone, or cut by a drain"))
        .and(lost_in_worst(&exposed))
        .and(el("p", &[], format!("{} lost and cut nothing in either corner.", count(unharmed, "workload"))))
        .and(services(report));
    section("losses", "What was lost, and why", body)
}

fn words_of_corners() -> Markup {
    note(
        "Requests lost are new requests that got an error, at the assumed rate. In the worst corner every app closes \
         its listener at once when it is asked to stop, and everything around it is slow: the figures there say how \
         much depends on what a snapshot cannot tell. Requests in flight and open connections that a drain cuts are \
         counted by themselves.",
    )
}

fn lost_in_best(report: &RunReport, gaps: &[&WorkloadReport]) -> Markup {
    if gaps.is_empty() {
        return el("p", &[], "Nothing.");
    }
    let figures = &report.figures;
    let beyond = (figures.requests_lost - figures.requests_lost_accepted).max(0.0);
    let said = if beyond > 0.0 {
        format!("{} of these requests were NOT accepted by the intent.", figure(beyond))
    } else {
        "Each of these losses was accepted in the intent, by name and with a reason.".to_owned()
    };
    let columns = [
        Column::Text("Workload"),
        Column::Figure("Lost, best"),
        Column::Figure("Lost, worst"),
        Column::Figure("Least ready"),
        Column::Text("Why"),
        Column::Text("Accepted by"),
    ];
    let rows = gaps.iter().map(|workload| {
        let accepted = if workload.accepted_hazards.is_empty() {
            badge("bad", "✕", "nobody")
        } else {
            workload.accepted_hazards.join("; ").into()
        };
        vec![
            name(workload),
            figure(workload.requests_lost).into(),
            figure(workload.requests_lost_worst).into(),
            ready(workload),
            workload.why.join("; ").into(),
            accepted,
        ]
    });
    el("p", &[], said).and(table("Requests lost even in the best corner", &columns, rows))
}

fn lost_in_worst(exposed: &[&WorkloadReport]) -> Markup {
    let (first, rest) = exposed.split_at(exposed.len().min(SHOWN_MAX));
    if first.is_empty() {
        return el("p", &[], "Nothing.");
    }
    let shown = worst_table("Exposed workloads, the most first", first);
    if rest.is_empty() {
        return shown;
    }
    let more = format!("{} more", rest.len());
    shown.and(folded(more.clone(), worst_table(&format!("{more} exposed workloads"), rest)))
}

fn worst_table(caption: &str, workloads: &[&WorkloadReport]) -> Markup {
    let columns = [
        Column::Text("Workload"),
        Column::Figure("Lost, worst"),
        Column::Figure("Exposed for"),
        Column::Figure("Cut in flight"),
        Column::Figure("Connections cut"),
        Column::Figure("Least ready"),
        Column::Text("Why"),
    ];
    let rows = workloads.iter().map(|workload| {
        vec![
            name(workload),
            figure(workload.requests_lost_worst).into(),
            format!("{} s", figure(workload.exposed_seconds_worst)).into(),
            figure(workload.requests_cut).into(),
            figure(workload.connections_cut).into(),
            ready(workload),
            workload.why.join("; ").into(),
        ]
    });
    table(caption, &columns, rows)
}

fn name(workload: &WorkloadReport) -> Markup {
    code(format!("{}/{}/{}", workload.kind, workload.namespace, workload.name))
}

fn ready(workload: &WorkloadReport) -> Markup {
    format!("{} of {}", workload.ready_min, workload.replicas).into()
}

fn services(report: &RunReport) -> Markup {
    let least = |service: &meshlift_model::run_report::ServiceReport| {
        service.endpoints_min.min(service.endpoints_min_worst)
    };
    let dipped: Vec<_> =
        report.services.iter().filter(|service| least(service) < service.endpoints).collect();
    let head = el("h3", &[], "Ready endpoints of Services");
    let kept = report.services.len() - dipped.len();
    let said = format!("{kept} of {} kept all of their endpoints.", count(report.services.len(), "Service"));
    let columns = [
        Column::Text("Service"),
        Column::Figure("At the start"),
        Column::Figure("Least, best corner"),
        Column::Figure("Least, worst corner"),
    ];
    let rows = dipped.iter().map(|service| {
        vec![
            code(format!("{}/{}", service.namespace, service.name)),
            service.endpoints.to_string().into(),
            service.endpoints_min.to_string().into(),
            service.endpoints_min_worst.to_string().into(),
        ]
    });
    let table = table("Services with fewer ready endpoints than at the start", &columns, rows);
    let table = if table.is_empty() { table } else { folded(format!("The other {}", dipped.len()), table) };
    head.and(el("p", &[], said)).and(table)
}
