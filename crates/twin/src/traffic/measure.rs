//! The integral: what each class of clients of each Service loses, and whose pods are to blame.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::REQUESTS_PER_SECOND;
use meshlift_model::k8s::IntOrString;
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;
use meshlift_model::traffic_constants::{LONG_REQUEST_MILLIS, LONG_REQUEST_SHARE, SHORT_REQUEST_MILLIS};

use super::clients::{Access, View, accesses, serving};
use super::corner::Corner;
use super::figures::{Loss, NO_ENDPOINT, ServiceTraffic, Traffic, WorkloadTraffic};
use super::life::{ProxyKind, proxy_kind};
use super::timeline::{Listed, PodLife, ServiceLife, Timeline};
use super::views::{pushes, view_of};
use crate::admission::injector::is_istiod;
use crate::store::Change;

/// Open connections that an endpoint is taken to have where clients hold them: assumption (a snapshot does not
/// tell how many there are).
const CONNECTIONS_PER_ENDPOINT: f64 = 1.0;

/// Measures a twin's run from the log of its changes.
#[must_use]
pub fn measure(changes: &[Change], began: Time, ended: Time, corner: Corner) -> Traffic {
    let timeline = Timeline::read(changes, began, corner);
    let pushes = pushes(&timeline.list_changes);
    let mut traffic = Traffic { workloads: touched(&timeline), ..Traffic::default() };
    for (service, life) in &timeline.services {
        if life.lists.len() < 2 && !is_touched(&timeline, life) || timeline.is_control_plane(life) {
            continue;
        }
        let endpoints_min = life.lists.iter().map(|(_, listed)| listed.len()).min().unwrap_or(0);
        let ready = life.lists.iter().map(|(at, listed)| (*at, listed.len())).collect();
        let mut measured = ServiceTraffic { endpoints_min, ready, ..ServiceTraffic::default() };
        let ended = life.gone.unwrap_or(ended);
        for access in accesses(&life.service, &timeline.routes) {
            let view = view_of(life, access.class, &pushes, corner);
            let run = Run { timeline: &timeline, access: &access, view: &view, ended };
            let (loss, shares) = run.integrate();
            blame(&mut traffic.workloads, &shares);
            let worst = measured.classes.entry(access.class).or_default();
            if loss.lost_millis >= worst.lost_millis {
                *worst = loss;
            }
        }
        traffic.services.insert(service.clone(), measured);
    }
    let pods = &timeline.pod_count;
    let first = pods.iter().take_while(|(at, _)| *at <= began).last().map_or(0, |(_, count)| *count);
    let most = pods.iter().map(|(_, count)| *count).max();
    traffic.capacity_peak_extra_pods = most.map_or(0, |most| most - first);
    traffic
}

/// Workloads whose pods came or went.
fn touched(timeline: &Timeline) -> BTreeMap<ObjectRef, WorkloadTraffic> {
    let moved = timeline.pods.values().filter(|life| {
        (life.birth.is_some() || life.death.is_some() || life.gone.is_some()) && !is_istiod(&life.pod)
    });
    let workloads: BTreeSet<&ObjectRef> = moved.map(|life| &life.workload).collect();
    let figures = |workload: &ObjectRef| {
        let ready = timeline.ready.get(workload).cloned().unwrap_or_default();
        let replicas = timeline.replicas.get(workload).copied().unwrap_or(1);
        let manner = timeline.manners.get(workload).copied().unwrap_or_default();
        let ready_min = ready.iter().map(|(_, count)| *count).min().unwrap_or(0);
        WorkloadTraffic { ready_min, ready, replicas, manner, ..WorkloadTraffic::default() }
    };
    workloads.into_iter().map(|workload| (workload.clone(), figures(workload))).collect()
}

fn is_touched(timeline: &Timeline, life: &ServiceLife) -> bool {
    let listed = life.lists.iter().flat_map(|(_, listed)| listed);
    let mut pods = listed.filter_map(|uid| timeline.pods.get(uid));
    pods.any(|life| life.birth.is_some() || life.death.is_some())
}

/// Each workload answers for its worst access.
fn blame(workloads: &mut BTreeMap<ObjectRef, WorkloadTraffic>, shares: &BTreeMap<ObjectRef, Loss>) {
    for (workload, loss) in shares {
        let figures = workloads.entry(workload.clone()).or_default();
        figures.requests_cut = figures.requests_cut.max(loss.requests_cut);
        figures.connections_cut = figures.connections_cut.max(loss.connections_cut);
        if loss.lost_millis > figures.loss.lost_millis {
            figures.loss = loss.clone();
        }
    }
}

/// What an endpoint does with a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    Refused,
    Unanswered,
}

/// When an endpoint serves and when not, for one access.
struct Span {
    /// From here on it serves; absent for what served at the beginning.
    opens: Option<Time>,
    /// Its proxy takes connections from here on.
    proxy_opens: Option<Time>,
    app_closes: Option<Time>,
    proxy_closes: Option<Time>,
    cut: Option<Time>,
    has_proxy: bool,
}

impl Span {
    fn of(life: &PodLife, target: &IntOrString) -> Self {
        let alone = proxy_kind(&life.pod) == ProxyKind::Alone;
        let names: Vec<&str> =
            serving(&life.pod, target).iter().map(|container| container.name.as_str()).collect();
        let opens = life.birth.as_ref().map(|(at, birth)| {
            let listens = names.iter().filter_map(|name| birth.listens_millis.get(*name)).max();
            at.plus_millis(listens.copied().unwrap_or(0).max(birth.proxy_millis))
        });
        let proxy_opens = life.birth.as_ref().map(|(at, birth)| at.plus_millis(birth.proxy_millis));
        let death = life.death.as_ref();
        let proxy_closes = death.and_then(|(at, death)| Some(at.plus_millis(death.proxy_closes_millis?)));
        let app_closes = death.and_then(|(at, death)| {
            let closes = names.iter().filter_map(|name| death.closes_millis.get(*name)).min();
            closes.map(|millis| at.plus_millis(*millis))
        });
        Self {
            opens,
            proxy_opens,
            app_closes: if alone { proxy_closes } else { app_closes },
            proxy_closes: proxy_closes.or(life.gone),
            cut: death.map(|(at, death)| at.plus_millis(death.cuts_millis)),
            has_proxy: proxy_kind(&life.pod) != ProxyKind::Absent,
        }
    }

    fn state(&self, at: Time) -> State {
        let deaf = if self.has_proxy { State::Unanswered } else { State::Refused };
        if self.proxy_closes.is_some_and(|closes| at >= closes)
            || self.proxy_opens.is_some_and(|opens| at < opens)
        {
            State::Refused
        } else if self.app_closes.is_some_and(|closes| at >= closes)
            || self.opens.is_some_and(|opens| at < opens)
        {
            deaf
        } else {
            State::Good
        }
    }

    fn times(&self) -> impl Iterator<Item = Time> {
        let cut = self.cut;
        let before = |millis: i64| cut.map(|cut| cut.plus_millis(-millis));
        [
            self.opens,
            self.proxy_opens,
            self.app_closes,
            self.proxy_closes,
            cut,
            before(LONG_REQUEST_MILLIS),
            before(SHORT_REQUEST_MILLIS),
        ]
        .into_iter()
        .flatten()
    }
}

/// One access over the whole run.
struct Run<'a> {
    timeline: &'a Timeline,
    access: &'a Access,
    view: &'a [(Time, &'a Listed)],
    ended: Time,
}

impl Run<'_> {
    /// The loss of the access, and each workload's part of it.
    fn integrate(&self) -> (Loss, BTreeMap<ObjectRef, Loss>) {
        let members: BTreeSet<&String> = self.view.iter().flat_map(|(_, listed)| listed.iter()).collect();
        let lives: BTreeMap<&str, &PodLife> =
            members.iter().filter_map(|uid| Some((uid.as_str(), self.timeline.pods.get(*uid)?))).collect();
        let spans: BTreeMap<&str, Span> =
            lives.iter().map(|(uid, life)| (*uid, Span::of(life, &self.access.target))).collect();
        let mut sum = Sum { loss: Loss::default(), parts: BTreeMap::new() };
        let Some(first) = self.view.iter().find(|(_, listed)| !listed.is_empty()).map(|(at, _)| *at) else {
            return (sum.loss, sum.parts);
        };
        let mut times: Vec<Time> =
            self.view.iter().map(|(at, _)| *at).chain(spans.values().flat_map(Span::times)).collect();
        times.push(self.ended);
        times.retain(|at| *at >= first && *at <= self.ended);
        times.sort();
        times.dedup();
        let mut index = 0;
        for pair in times.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            while self.view.get(index + 1).is_some_and(|(at, _)| *at <= from) {
                index += 1;
            }
            let Some((_, listed)) = self.view.get(index) else { continue };
            self.interval(from, to, listed, &lives, &spans, &mut sum);
        }
        self.cut_connections(&lives, &mut sum);
        (sum.loss, sum.parts)
    }

    fn interval(
        &self,
        from: Time,
        to: Time,
        listed: &Listed,
        lives: &BTreeMap<&str, &PodLife>,
        spans: &BTreeMap<&str, Span>,
        sum: &mut Sum,
    ) {
        let millis = to.millis_since(from);
        let mut view = View::default();
        let mut bad: Vec<(&str, &'static str)> = Vec::new();
        for uid in listed {
            let span = spans.get(uid.as_str());
            match span.map_or(State::Good, |span| span.state(from)) {
                State::Good => view.good += 1,
                State::Refused => view.refused += 1,
                State::Unanswered => view.unanswered += 1,
            }
            if let Some(span) = span.filter(|span| span.state(from) != State::Good) {
                bad.push((uid, span.why(from)));
            }
        }
        let share = view.lost_share(self.access);
        if share > 0.0 {
            let mut why: Vec<&'static str> = bad.iter().map(|(_, why)| *why).collect();
            why.sort_unstable();
            why.dedup();
            if listed.is_empty() {
                why.push(NO_ENDPOINT);
            }
            sum.loss.add(share, millis, &why);
            let culprits: Vec<&ObjectRef> = if listed.is_empty() {
                let owners: BTreeSet<&ObjectRef> = lives.values().map(|life| &life.workload).collect();
                owners.into_iter().collect()
            } else {
                bad.iter().filter_map(|(uid, _)| lives.get(uid).map(|life| &life.workload)).collect()
            };
            let mut counts: BTreeMap<&ObjectRef, f64> = BTreeMap::new();
            culprits.iter().for_each(|workload| *counts.entry(workload).or_default() += 1.0);
            for (workload, count) in counts {
                let part = if count >= culprits.len() as f64 {
                    share
                } else {
                    share * count / culprits.len() as f64
                };
                sum.parts.entry(workload.clone()).or_default().add(part, millis, &why);
            }
        }
        self.cut_requests(from, millis, listed, lives, spans, sum);
    }

    /// Requests that began in this interval and are still in flight when their endpoint cuts them.
    fn cut_requests(
        &self,
        from: Time,
        millis: i64,
        listed: &Listed,
        lives: &BTreeMap<&str, &PodLife>,
        spans: &BTreeMap<&str, Span>,
        sum: &mut Sum,
    ) {
        if self.access.class.holds_connections() {
            return;
        }
        for uid in listed {
            let Some((span, life)) = spans.get(uid.as_str()).zip(lives.get(uid.as_str())) else { continue };
            let Some(cut) = span.cut.filter(|cut| span.state(from) == State::Good && *cut > from) else {
                continue;
            };
            let ahead = cut.millis_since(from);
            let mut share = 0.0;
            if ahead <= LONG_REQUEST_MILLIS {
                share += LONG_REQUEST_SHARE;
            }
            if ahead <= SHORT_REQUEST_MILLIS {
                share += 1.0 - LONG_REQUEST_SHARE;
            }
            let began = REQUESTS_PER_SECOND * millis as f64 / 1000.0 / listed.len() as f64;
            sum.cut(&life.workload, share * began, 0.0);
        }
    }

    /// Connections that were open when their endpoint went.
    fn cut_connections(&self, lives: &BTreeMap<&str, &PodLife>, sum: &mut Sum) {
        if !self.access.class.holds_connections() {
            return;
        }
        for life in lives.values().filter(|life| life.death.is_some()) {
            sum.cut(&life.workload, 0.0, CONNECTIONS_PER_ENDPOINT);
        }
    }
}

impl Span {
    /// Why it does not serve, in words.
    fn why(&self, at: Time) -> &'static str {
        if self.proxy_opens.is_some_and(|opens| at < opens) || self.opens.is_some_and(|opens| at < opens) {
            "pods were listed before they listened"
        } else if self.proxy_closes.is_some_and(|closes| at >= closes) {
            "pods were listed after their proxy had gone"
        } else {
            "pods were listed after their app had closed its listener"
        }
    }
}

/// The loss of an access, and each workload's part of it.
struct Sum {
    loss: Loss,
    parts: BTreeMap<ObjectRef, Loss>,
}

impl Sum {
    fn cut(&mut self, workload: &ObjectRef, requests: f64, connections: f64) {
        if requests > 0.0 || connections > 0.0 {
            for loss in [&mut self.loss, self.parts.entry(workload.clone()).or_default()] {
                loss.requests_cut += requests;
                loss.connections_cut += connections;
            }
        }
    }
}
