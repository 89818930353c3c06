//! The rule's figures, and what must hold for all shapes.

use meshlift_model::finding::TrafficVerdict;
use proptest::prelude::*;

use super::GapCause;
use super::clients::{Access, Class, longest_mesh_lag_seconds};
use super::duration::seconds;
use super::pod::{AppShape, Drain, PodShape, ProxyShape};
use super::rule::{Limits, Outcome, judge};

const PROBE: Option<(i64, i64)> = Some((0, 10));

fn limits(replicas: i32, unavailable: i32, surge: i32, min_ready_seconds: i64) -> Limits {
    let min_ready_millis = min_ready_seconds * 1000;
    Limits {
        replicas,
        unavailable,
        surge,
        min_ready_millis,
        after_old: false,
        in_turn: false,
        recreate: false,
    }
}

fn app(sleep_millis: i64) -> AppShape {
    AppShape { ports: vec![(8080, String::new())], sleep_millis, probe: PROBE }
}

fn native(sleep_millis: i64) -> PodShape {
    PodShape { grace_millis: 45_000, proxy: ProxyShape::Native, apps: vec![app(sleep_millis)] }
}

fn drain(millis: i64) -> Drain {
    Drain { sleep_millis: 0, drain_millis: millis, open_millis: 400_000, until_idle: false }
}

fn to(class: Class, sleep_millis: i64) -> Access {
    Access { class, sleep_millis, probe: PROBE }
}

/// What unknown clients of an HTTP Service lose.
fn http(limits: &Limits, shape: &PodShape) -> Outcome {
    let sleep = shape.apps.first().map_or(0, |app| app.sleep_millis);
    judge(limits, shape, &[to(Class::Http, sleep), to(Class::Unmeshed, sleep)])
}

#[test]
fn figures_of_a_rolling_restart() {
    let lost = |limits: &Limits| http(limits, &native(0)).exposure_millis / 1.25;
    let near = |lost: f64, wanted: f64| assert!((lost - wanted).abs() < 1.0, "{lost} is not {wanted}");
    // Lag of the mesh 3.1 s; one after the other, each 1/3 of the view.
    near(lost(&limits(3, 0, 1, 0)), 3100.0);
    // Available after the lag: the new pod is in view by then.
    near(lost(&limits(3, 0, 1, 15)), 3100.0 * 3.0 / 4.0);
    // Available before: it comes into view while the old one is still there.
    near(lost(&limits(3, 0, 1, 2)), 1100.0 + 2000.0 * 3.0 / 4.0);
    // One missing: the first at 1/3, the others at 1/2.
    near(lost(&limits(3, 1, 0, 0)), 3100.0 * (1.0 / 3.0 + 1.0));
    assert_eq!(http(&limits(1, 0, 1, 0), &native(0)).verdict, TrafficVerdict::Exposed);
    assert_eq!(http(&limits(0, 0, 1, 0), &native(0)).exposure_millis, 0.0);
}

#[test]
fn a_sleep_is_enough_once_it_outlasts_the_lag() {
    let after = |sleep_millis| http(&limits(3, 0, 1, 0), &native(sleep_millis));
    assert_eq!(after(2000).verdict, TrafficVerdict::Exposed);
    assert_eq!(after(2000).exposure_millis, 1100.0 * 1.25);
    assert_eq!(after(4000).verdict, TrafficVerdict::Safe);
    let enough = longest_mesh_lag_seconds() * 1000;
    assert_eq!(after(enough).verdict, TrafficVerdict::Safe);
    // Grace must hold what is still in flight.
    let hasty = PodShape { grace_millis: 10_000, ..native(5000) };
    assert_eq!(http(&limits(3, 0, 1, 0), &hasty).verdict, TrafficVerdict::Exposed);
}

#[test]
fn grpc_is_retried_where_another_endpoint_is_in_view() {
    let grpc = |limits: &Limits| judge(limits, &native(0), &[to(Class::Grpc, 0)]).exposure_millis;
    assert_eq!(grpc(&limits(3, 0, 1, 0)), 0.0);
    assert!(grpc(&limits(1, 0, 1, 0)) > 0.0);
    assert!(grpc(&limits(2, 1, 0, 0)) > 0.0);
    assert!(grpc(&limits(20, 5, 5, 0)) > 0.0, "more are gone than retries can reach past");
}

#[test]
fn connections_are_cut_and_not_lost() {
    for class in [Class::Tcp, Class::Headless] {
        let outcome = judge(&limits(3, 0, 1, 15), &native(13_000), &[to(class, 13_000)]);
        assert_eq!((outcome.verdict, outcome.exposure_millis), (TrafficVerdict::Exposed, 0.0));
        assert!(outcome.cuts);
    }
}

#[test]
fn a_classic_proxy_leaves_by_itself() {
    let classic = |millis| PodShape { proxy: ProxyShape::Classic(drain(millis)), ..native(13_000) };
    let outcome = http(&limits(3, 0, 1, 15), &classic(5000));
    assert_eq!(
        (outcome.verdict, outcome.exposure_millis, outcome.cuts),
        (TrafficVerdict::Exposed, 0.0, true)
    );
    assert_eq!(http(&limits(3, 0, 1, 15), &classic(13_000)).verdict, TrafficVerdict::Safe);
}

#[test]
fn a_gateway_behind_a_load_balancer_is_a_gap_by_default() {
    let outcome = |millis| behind_a_balancer(drain(millis));
    assert!(outcome(5000).causes.contains(&GapCause::LoadBalancer));
    assert_eq!(outcome(60_000).verdict, TrafficVerdict::Exposed);
    assert_eq!(outcome(320_000).verdict, TrafficVerdict::Safe);
}

#[test]
fn a_gateway_without_listeners_takes_nothing_however_long_it_lives() {
    let open = |millis, until_idle| Drain { open_millis: millis, until_idle, ..drain(320_000) };
    assert!(behind_a_balancer(open(5000, false)).causes.contains(&GapCause::LoadBalancer));
    assert_eq!(behind_a_balancer(open(45_000, false)).verdict, TrafficVerdict::Exposed);
    assert_eq!(behind_a_balancer(open(320_000, false)).verdict, TrafficVerdict::Safe);
    assert_eq!(behind_a_balancer(open(45_000, true)).verdict, TrafficVerdict::Exposed);
    assert_eq!(behind_a_balancer(open(320_000, true)).verdict, TrafficVerdict::Safe);
}

#[test]
fn a_gateway_that_exits_when_idle_goes_at_its_first_quiet_moment() {
    let idle = |least| Drain { until_idle: true, ..drain(least) };
    let closing = ProxyShape::Gateway(Drain { open_millis: 6000, ..idle(5000) });
    assert_eq!(closing.end_words(4000), "its proxy is killed 4 s after SIGTERM (grace period)");
    assert_eq!(closing.end_words(30_000), "its proxy closes its listeners 6 s after SIGTERM (drainDuration)");
    assert_eq!(ProxyShape::Gateway(drain(5000)).end_words(30_000), "its proxy exits 5 s after SIGTERM");
    let early = behind_a_balancer(idle(5000));
    assert_eq!((early.verdict, early.cuts), (TrafficVerdict::Exposed, false));
    assert!(early.exposure_millis > 0.0);
    assert_eq!(behind_a_balancer(idle(300_000)).verdict, TrafficVerdict::Safe);
}

/// What three pods of a gateway lose that a load balancer sends to.
fn behind_a_balancer(drain: Drain) -> Outcome {
    let shape = PodShape { grace_millis: 400_000, proxy: ProxyShape::Gateway(drain), apps: Vec::new() };
    let balanced = Access { class: Class::LoadBalancer, sleep_millis: 0, probe: None };
    judge(&limits(3, 0, 1, 0), &shape, &[balanced])
}

#[test]
fn what_keeps_nothing_or_does_not_listen_is_a_gap() {
    let causes = |limits: &Limits, shape: &PodShape, access: Access| judge(limits, shape, &[access]).causes;
    let deaf = Access { probe: None, ..to(Class::Http, 0) };
    assert!(causes(&limits(1, 1, 0, 0), &native(0), to(Class::Http, 0)).contains(&GapCause::NoneKept));
    assert!(causes(&limits(3, 0, 1, 0), &native(0), deaf.clone()).contains(&GapCause::NoProbe));
    let recreate = Limits { recreate: true, after_old: true, ..limits(2, 2, 0, 0) };
    assert_eq!(causes(&recreate, &native(0), deaf), [GapCause::Recreate].into());
    let killed = PodShape { grace_millis: 0, ..native(0) };
    assert!(causes(&limits(3, 0, 1, 0), &killed, to(Class::Unmeshed, 0)).contains(&GapCause::NoGrace));
}

#[test]
fn durations_follow_the_rollout() {
    let shape = native(0);
    // Proxy 4 s, first probe that finds it listening at 10 s, available 15 s later; last pod's grace.
    assert_eq!(seconds(&limits(3, 0, 1, 15), &shape), 3 * 29 + 45);
    assert_eq!(seconds(&limits(4, 1, 1, 0), &shape), 2 * 14 + 45);
    let set = Limits { after_old: true, ..limits(3, 1, 0, 0) };
    assert_eq!(seconds(&set, &shape), 3 * (14 + 45));
}

fn shapes() -> impl Strategy<Value = PodShape> {
    let proxy = prop_oneof![
        Just(ProxyShape::Native),
        (0_i64..30_000).prop_map(|millis| ProxyShape::Classic(drain(millis))),
    ];
    (0_i64..90, proxy).prop_map(|(grace, proxy)| PodShape { grace_millis: grace * 1000, proxy, ..native(0) })
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Http),
        Just(Class::Grpc),
        Just(Class::Tcp),
        Just(Class::Unmeshed),
        Just(Class::LoadBalancer),
        Just(Class::Headless)
    ]
}

proptest! {
    #[test]
    fn a_longer_sleep_never_loses_more(
        shape in shapes(),
        class in classes(),
        replicas in 1_i32..8,
        unavailable in 0_i32..8,
        surge in 0_i32..4,
        sleep in 0_i64..60_000,
        more in 0_i64..30_000,
    ) {
        prop_assume!(unavailable < replicas);
        let limits = limits(replicas, unavailable, surge, 0);
        let lost = |sleep| judge(&limits, &shape.with_sleep_millis(sleep), &[to(class, sleep)]);
        prop_assert!(lost(sleep + more).exposure_millis <= lost(sleep).exposure_millis);
    }

    #[test]
    fn a_verdict_says_what_its_figures_say(
        shape in shapes(),
        class in classes(),
        replicas in 0_i32..8,
        unavailable in 0_i32..8,
        min_ready in 0_i64..30,
    ) {
        let limits = limits(replicas, unavailable.min(replicas), 1, min_ready);
        let outcome = judge(&limits, &shape, &[to(class, 0)]);
        let nothing = outcome.exposure_millis == 0.0 && !outcome.cuts;
        prop_assert_eq!(outcome.verdict == TrafficVerdict::Safe, nothing);
        prop_assert_eq!(outcome.verdict == TrafficVerdict::Gap, !outcome.causes.is_empty());
        prop_assert!(outcome.exposure_millis.is_finite() && outcome.exposure_millis >= 0.0);
    }

    #[test]
    fn what_keeps_pods_probes_and_grace_is_no_gap(
        class in classes(),
        replicas in 1_i32..8,
        surge in 1_i32..4,
        grace in 1_i64..90,
    ) {
        prop_assume!(class != Class::LoadBalancer);
        let shape = PodShape { grace_millis: grace * 1000, ..native(0) };
        let outcome = judge(&limits(replicas, 0, surge, 0), &shape, &[to(class, 0)]);
        prop_assert_ne!(outcome.verdict, TrafficVerdict::Gap);
    }
}
