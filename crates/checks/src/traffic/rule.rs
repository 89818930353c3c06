//! The closed formulas: what one corner loses, and the verdict over all eight.

use std::collections::BTreeSet;

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::TrafficVerdict;
use meshlift_model::traffic_constants as c;

use super::GapCause;
use super::clients::{Access, Class};
use super::pod::{Drain, PodShape, ProxyShape};

/// The bound over what the formulas give: rollouts beside this one keep istiod's debounce busy. Assumption.
const BOUND_OVER_FORMULA: f64 = 1.25;

/// How many pods a rollout may touch at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) replicas: i32,
    pub(super) unavailable: i32,
    pub(super) surge: i32,
    pub(super) min_ready_millis: i64,
    /// New pods are made only when the old ones are gone.
    pub(super) after_old: bool,
    /// New pods are made one after another, however many are missing.
    pub(super) in_turn: bool,
    pub(super) recreate: bool,
}

impl Limits {
    /// Limits of a workload; `None` where no restart reaches its pods.
    pub(super) fn of(workload: &Workload) -> Option<Self> {
        let replicas = workload.replicas.max(0);
        let (unavailable, surge, after_old, recreate) = match workload.rules {
            RolloutRules::Rolling { max_unavailable, max_surge, .. } => {
                (max_unavailable, max_surge, false, false)
            }
            RolloutRules::PerNode { max_unavailable, max_surge } => {
                (max_unavailable, max_surge, max_surge == 0, false)
            }
            RolloutRules::Recreate => (replicas, 0, true, true),
            RolloutRules::Ordered { max_unavailable, .. } => (max_unavailable, 0, true, false),
            RolloutRules::OnDelete | RolloutRules::Bare => (1, 0, true, false),
            RolloutRules::NextRun | RolloutRules::Foreign { .. } => return None,
        };
        Some(Self {
            replicas,
            unavailable: unavailable.clamp(0, replicas),
            surge: surge.max(0),
            min_ready_millis: i64::from(workload.min_ready_seconds).max(0) * 1000,
            after_old,
            in_turn: workload.is_made_in_turn(),
            recreate,
        })
    }

    /// Ready pods that the rollout keeps.
    pub(super) fn ready_min(&self) -> i32 {
        self.replicas - self.unavailable
    }

    /// Pods that are replaced at the same time at most.
    pub(super) fn batch(&self) -> i32 {
        (self.unavailable + self.surge).max(1)
    }

    /// Endpoints in view when old pods go because new ones are available.
    fn view(&self, lag_millis: i64) -> i32 {
        if self.min_ready_millis >= lag_millis { self.replicas + self.surge } else { self.ready_min() }
    }

    /// What is lost while old pods are in view and serve nobody, each `from` to `to` milliseconds after its
    /// deletion. The first ones go while all are in view. Each of the others goes once a new one has been ready
    /// for minReadySeconds: that one is in view a lag after it became ready, be it before or after.
    fn stop_loss(&self, from: i64, to: i64, lag_millis: i64) -> f64 {
        let bad = (to - from).max(0);
        let alone = (to.min(lag_millis - self.min_ready_millis) - from).clamp(0, bad);
        let (replicas, unavailable) = (f64::from(self.replicas), f64::from(self.unavailable));
        let first = unavailable / replicas * bad as f64;
        let each = alone as f64 / f64::from(self.ready_min())
            + (bad - alone) as f64 / f64::from(self.replicas + self.surge);
        first + (replicas - unavailable) * each
    }
}

/// A corner of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Corner {
    kind: bool,
    fast_endpoints: bool,
    fast_start: bool,
}

const BEST: Corner = Corner { kind: true, fast_endpoints: true, fast_start: true };

fn corners() -> impl Iterator<Item = Corner> {
    (0..8_u8).map(|bits| Corner {
        kind: bits & 1 == 0,
        fast_endpoints: bits & 2 == 0,
        fast_start: bits & 4 == 0,
    })
}

/// What the corners say together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) verdict: TrafficVerdict,
    pub(super) exposure_millis: f64,
    pub(super) causes: BTreeSet<GapCause>,
    pub(super) cuts: bool,
}

impl Default for Outcome {
    /// Nobody sends anything: nothing is lost.
    fn default() -> Self {
        Self { verdict: TrafficVerdict::Safe, exposure_millis: 0.0, causes: BTreeSet::new(), cuts: false }
    }
}

/// Verdict over all corners and accesses.
pub(super) fn judge(limits: &Limits, shape: &PodShape, accesses: &[Access]) -> Outcome {
    let mut outcome = Outcome::default();
    if limits.replicas == 0 {
        return outcome;
    }
    for access in accesses {
        for corner in corners() {
            let loss = Loss::of(limits, shape, access, corner);
            let bound = (loss.total() * BOUND_OVER_FORMULA).ceil();
            outcome.exposure_millis = outcome.exposure_millis.max(bound);
            outcome.cuts |= loss.cuts;
            if corner == BEST {
                outcome.causes.extend(loss.causes(limits, shape, access));
            }
        }
    }
    outcome.verdict = match (outcome.causes.is_empty(), outcome.exposure_millis > 0.0 || outcome.cuts) {
        (false, _) => TrafficVerdict::Gap,
        (true, true) => TrafficVerdict::Exposed,
        (true, false) => TrafficVerdict::Safe,
    };
    outcome
}

/// When one terminating pod stops serving, in milliseconds after T0.
struct Stop {
    /// Its app no longer answers.
    app_millis: i64,
    /// Its proxy no longer takes connections.
    proxy_millis: i64,
    /// What is still in flight is cut.
    cut_millis: i64,
    /// All of it is gone.
    gone_millis: i64,
}

impl Stop {
    fn of(shape: &PodShape, access: &Access, corner: Corner, lag: i64) -> Self {
        let grace = shape.grace_millis;
        let sleep = access.sleep_millis.min(grace);
        let answers = if corner.kind { grace } else { sleep };
        let ends = if corner.kind { grace } else { (sleep + c::LONG_REQUEST_MILLIS).min(grace) };
        let exits = |drain: Drain| {
            let idle = if drain.until_idle { lag + c::LONG_REQUEST_MILLIS } else { 0 };
            drain.least_millis().max(idle).min(grace)
        };
        let open = |drain: Drain| drain.sleep_millis + drain.open_millis;
        match shape.proxy {
            ProxyShape::Native => {
                Self { app_millis: answers, proxy_millis: ends, cut_millis: ends, gone_millis: ends }
            }
            ProxyShape::Classic(drain) => {
                let exit = exits(drain);
                Self {
                    app_millis: answers,
                    proxy_millis: exit.min(open(drain)),
                    cut_millis: ends.min(exit),
                    gone_millis: ends.max(exit),
                }
            }
            ProxyShape::Gateway(drain) => {
                // Where nobody holds a connection between requests, the first quiet moment ends it: it cuts none.
                let quiet = drain.until_idle && !corner.kind;
                let least = drain.least_millis().min(grace);
                let exit = if quiet { (least + c::LONG_REQUEST_MILLIS).min(grace) } else { exits(drain) };
                let serves = if quiet { least } else { exit }.min(open(drain));
                Self { app_millis: serves, proxy_millis: serves, cut_millis: exit, gone_millis: exit }
            }
        }
    }

    fn serves_millis(&self) -> i64 {
        self.app_millis.min(self.proxy_millis)
    }
}

/// What one access loses in one corner, in share × milliseconds.
struct Loss {
    /// No endpoint at all.
    empty: f64,
    /// Endpoints in view that went.
    stop: f64,
    /// Endpoints in view that do not listen yet.
    start: f64,
    cuts: bool,
}

impl Loss {
    fn of(limits: &Limits, shape: &PodShape, access: &Access, corner: Corner) -> Self {
        let lag = access.class.lag_millis(corner.fast_endpoints);
        let stop = Stop::of(shape, access, corner, lag);
        let cuts = match access.class {
            Class::Tcp | Class::Headless => true,
            Class::Http | Class::Grpc | Class::Unmeshed | Class::LoadBalancer => {
                lag.min(stop.serves_millis()) + c::LONG_REQUEST_MILLIS > stop.cut_millis
            }
        };
        if limits.ready_min() <= 0 {
            let made = if limits.after_old { stop.gone_millis } else { 0 };
            let until = made + serving_millis(shape, access, corner, lag);
            let empty = (until - lag.min(stop.serves_millis())).max(0) as f64;
            return Self { empty, stop: 0.0, start: 0.0, cuts };
        }
        let another = limits.view(lag) > limits.batch() && limits.batch() <= c::RETRIES as i32;
        let (from, to) = match access.class {
            Class::Http if another => (stop.app_millis, lag.min(stop.proxy_millis)),
            Class::Grpc if another => (lag, lag),
            Class::Headless => (lag, lag),
            Class::Http | Class::Grpc | Class::Tcp | Class::Unmeshed | Class::LoadBalancer => {
                (stop.serves_millis(), lag)
            }
        };
        Self {
            empty: 0.0,
            stop: limits.stop_loss(from, to, lag),
            start: start_loss(limits, shape, access, corner, lag),
            cuts,
        }
    }

    fn total(&self) -> f64 {
        self.empty + self.stop + self.start
    }

    fn causes(&self, limits: &Limits, shape: &PodShape, access: &Access) -> BTreeSet<GapCause> {
        let mut causes = BTreeSet::new();
        if self.empty > 0.0 {
            causes.insert(if limits.recreate { GapCause::Recreate } else { GapCause::NoneKept });
        }
        if self.start > 0.0
            || (self.empty > 0.0 && !limits.recreate && access.probe.is_none() && has_app(shape))
        {
            causes.insert(GapCause::NoProbe);
        }
        if self.stop > 0.0 {
            let balanced = access.class == Class::LoadBalancer;
            causes.insert(if balanced { GapCause::LoadBalancer } else { GapCause::NoGrace });
        }
        causes
    }
}

fn has_app(shape: &PodShape) -> bool {
    !matches!(shape.proxy, ProxyShape::Gateway(_))
}

/// Loss of pods that are Ready before they listen.
fn start_loss(limits: &Limits, shape: &PodShape, access: &Access, corner: Corner, lag: i64) -> f64 {
    if access.probe.is_some() || !has_app(shape) || access.class == Class::Headless {
        return 0.0;
    }
    let deaf = (listens_millis(corner) - lag).max(0);
    let view = if limits.min_ready_millis >= listens_millis(corner) {
        limits.replicas + limits.surge
    } else {
        limits.ready_min()
    };
    deaf as f64 * f64::from(limits.replicas) / f64::from(view)
}

fn listens_millis(corner: Corner) -> i64 {
    if corner.fast_start { c::APP_LISTENS_FAST_MILLIS } else { c::APP_LISTENS_SLOW_MILLIS }
}

/// Milliseconds from a pod's creation to the first answer that a client of this class gets from it.
fn serving_millis(shape: &PodShape, access: &Access, corner: Corner, lag: i64) -> i64 {
    let proxy = if corner.fast_start { c::PROXY_READY_FAST_MILLIS } else { c::PROXY_READY_SLOW_MILLIS };
    let listens = listens_millis(corner);
    let app_starts = match shape.proxy {
        ProxyShape::Native => proxy,
        ProxyShape::Classic(_) => 0,
        ProxyShape::Gateway(_) => return proxy + lag,
    };
    match access.probe {
        Some(probe) => (app_starts + first_success_millis(probe, listens)).max(proxy) + lag,
        None => (app_starts + listens).max(proxy + lag),
    }
}

/// Milliseconds from a container's start to the first try of its probe at which it listens.
pub(super) fn first_success_millis(probe: (i64, i64), listens: i64) -> i64 {
    let (initial, period) = (probe.0.max(0) * 1000, probe.1.max(1) * 1000);
    let tries = (listens - initial).max(0);
    initial + (tries + period - 1) / period * period
}
