//! What clients lose when real controllers replace pods, corner by corner.

mod scene;

use meshlift_twin::traffic::{App, ClientClass, Corner};
use scene::{Mesh, Scenario, TrafficVerdict};
use serde_json::json;

const NO_SURGE: &str = r#"{"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}"#;

fn no_surge(replicas: i32) -> Scenario {
    let strategy: serde_json::Value = serde_json::from_str(NO_SURGE).expect("JSON");
    Scenario { replicas, spec: json!({ "strategy": strategy }), ..Scenario::default() }
}

#[test]
fn surge_and_probe_lose_nothing_in_the_best_corner() {
    for replicas in [1, 2, 5] {
        let scenario = Scenario { replicas, ..Scenario::default() };
        let best = scenario.run(Corner::BEST);
        assert_eq!((best.loss.requests_lost(), best.loss.exposed_millis), (0.0, 0), "{replicas}: {best:?}");
        assert_eq!((best.requests_cut, best.connections_cut), (0.0, 0.0), "{replicas}: {best:?}");
        assert_eq!((best.ready_min, best.replicas), (replicas, replicas));
        assert!(best.why().is_empty(), "{best:?}");
        let worst = scenario.run(Corner::WORST);
        assert!(worst.loss.requests_lost() > 0.0 && worst.loss.worst_share <= 1.0, "{replicas}: {worst:?}");
        assert_eq!(scenario.verdict(), TrafficVerdict::Exposed);
    }
}

#[test]
fn exposure_is_the_time_in_view_over_the_size_of_the_view() {
    // Two pods, one after the other: each is known 1 s (slice) + 2 s (kube-proxy) after it closed. The first goes
    // when two are in view (its successor comes 3 s later), so half of the requests meet it, then again.
    let worst = Scenario::default().run(Corner::WORST);
    assert!((0.3..=1.0).contains(&worst.loss.worst_share), "{worst:?}");
    let seconds = worst.loss.requests_lost() / 10.0;
    assert!((2.0..=8.0).contains(&seconds), "{worst:?}");
    assert!(worst.why()[0].contains("closed its listener"), "{:?}", worst.why());
}

#[test]
fn what_takes_all_pods_at_once_is_a_gap() {
    let recreate = Scenario { spec: json!({"strategy": {"type": "Recreate"}}), ..Scenario::default() };
    let best = recreate.run(Corner::BEST);
    assert!(best.loss.requests_lost() > 20.0 && best.loss.worst_share >= 1.0, "{best:?}");
    assert!(best.why()[0].starts_with("no endpoint for "), "{:?}", best.why());
    assert!(best.why()[0].ends_with("all pods at once, strategy Recreate"), "{:?}", best.why());
    assert_eq!((best.ready_min, recreate.verdict()), (0, TrafficVerdict::Gap));

    let single = no_surge(1);
    assert_eq!(single.verdict(), TrafficVerdict::Gap);
    let why = single.run(Corner::BEST).why();
    assert!(why[0].ends_with("one replica, no surge"), "{why:?}");

    let set = Scenario {
        kind: "StatefulSet",
        replicas: 1,
        spec: json!({"serviceName": "app"}),
        ..Scenario::default()
    };
    assert_eq!(set.verdict(), TrafficVerdict::Gap);
    let bare = Scenario { kind: "Pod", ..Scenario::default() };
    assert_eq!(bare.verdict(), TrafficVerdict::Gap);
    let daemons = Scenario { kind: "DaemonSet", spec: json!({}), ..Scenario::default() };
    assert_eq!(daemons.verdict(), TrafficVerdict::Gap, "one node, one pod");
}

#[test]
fn a_second_replica_covers_the_first() {
    assert_eq!(no_surge(2).verdict(), TrafficVerdict::Exposed);
    let set = Scenario { kind: "StatefulSet", spec: json!({"serviceName": "app"}), ..Scenario::default() };
    assert_eq!(set.verdict(), TrafficVerdict::Exposed);
    assert_eq!(set.run(Corner::BEST).ready_min, 1);
}

#[test]
fn without_a_probe_pods_are_ready_too_early() {
    for mesh in [Mesh::Native, Mesh::Classic, Mesh::Bare] {
        let scenario = Scenario { probe: false, mesh, ..Scenario::default() };
        let best = scenario.run(Corner::BEST);
        assert!(best.loss.requests_lost() > 0.0, "{best:?}");
        assert!(
            best.why().iter().any(|why| why.starts_with("pods were listed before they listened")),
            "{:?}",
            best.why()
        );
        assert_eq!(scenario.verdict(), TrafficVerdict::Gap);
    }
}

#[test]
fn a_long_pre_stop_sleep_is_safe_in_all_corners() {
    let safe = Scenario { sleep: Some(15), ..Scenario::default() };
    assert_eq!(safe.verdict(), TrafficVerdict::Safe);
    let too_short = Scenario { sleep: Some(1), ..Scenario::default() };
    assert_eq!(too_short.verdict(), TrafficVerdict::Exposed);
    // Served by the app until SIGTERM, but the proxy is gone after 5 s: what is longer is cut.
    let classic = Scenario { sleep: Some(15), mesh: Mesh::Classic, ..Scenario::default() };
    assert_eq!(classic.verdict(), TrafficVerdict::Exposed);
}

#[test]
fn a_classic_proxy_cuts_long_requests_and_a_native_one_waits() {
    let cut = |mesh| Scenario { mesh, ..Scenario::default() }.run(Corner::BEST).requests_cut;
    assert_eq!(cut(Mesh::Native), 0.0);
    // 1 % of 10/s to each of 2 (or 3) pods, open for 8 s, of which less than 5 s have passed at the exit.
    let classic = cut(Mesh::Classic);
    assert!((0.2..0.4).contains(&classic), "{classic}");
}

#[test]
fn protocols_differ_in_what_is_tried_again() {
    let abrupt = Corner { app: App::Abrupt, ..Corner::BEST };
    let lost = |port, class| {
        let traffic = Scenario { port, ..Scenario::default() }.measure(abrupt);
        let service = traffic.services.values().next().expect("the Service");
        service.classes[&class].lost_millis
    };
    // The proxy stays and says 503, which nobody tries again, or `unavailable`, which is tried again.
    assert!(lost("http", ClientClass::MeshedHttp) > 0.0);
    assert_eq!(lost("grpc", ClientClass::MeshedGrpc), 0.0);
    assert!(lost("tcp", ClientClass::MeshedTcp) > 0.0);
    // Unmeshed clients lose as much whatever the port is.
    assert!(lost("grpc", ClientClass::Unmeshed) > 0.0);
    assert_eq!(lost("grpc", ClientClass::Unmeshed), lost("http", ClientClass::Unmeshed));
    let tcp = Scenario { port: "tcp", ..Scenario::default() }.run(Corner::BEST);
    assert_eq!((tcp.loss.requests_lost(), tcp.connections_cut), (0.0, 2.0));
    assert_eq!(
        Scenario { port: "tcp", sleep: Some(15), ..Scenario::default() }.verdict(),
        TrafficVerdict::Exposed
    );
}

#[test]
fn a_headless_service_cuts_connections() {
    let headless = Scenario {
        kind: "StatefulSet",
        spec: json!({"serviceName": "app"}),
        service: json!({"clusterIP": "None"}),
        ..Scenario::default()
    };
    let best = headless.run(Corner::BEST);
    assert_eq!((best.loss.requests_lost(), best.connections_cut), (0.0, 2.0), "{best:?}");
    assert_eq!(headless.verdict(), TrafficVerdict::Exposed);
    assert_eq!(Scenario { replicas: 1, ..headless }.verdict(), TrafficVerdict::Gap);
}

#[test]
fn a_load_balancer_learns_late() {
    let balanced = Scenario {
        service: json!({"clusterIP": "10.96.0.10", "type": "LoadBalancer"}),
        mesh: Mesh::Classic,
        ..Scenario::default()
    };
    // The proxy is gone after 5 s, the health checks need 10.
    let best = balanced.run(Corner::BEST);
    assert!(best.loss.requests_lost() >= 25.0, "{best:?}");
    assert!(best.why().iter().any(|why| why.contains("proxy had gone")), "{:?}", best.why());
}

#[test]
fn pods_and_endpoints_are_counted_over_time() {
    let traffic = Scenario::default().measure(Corner::BEST);
    // One new pod at a time, and each old one has 40 s of grace.
    assert_eq!(traffic.capacity_peak_extra_pods, 2, "{traffic:#?}");
    let service = traffic.services.values().next().expect("the Service");
    let ready: Vec<usize> = service.ready.iter().map(|(_, ready)| *ready).collect();
    assert_eq!((ready.first(), ready.last()), (Some(&2), Some(&2)));
    assert!(ready.iter().all(|ready| (2..=3).contains(ready)), "{ready:?}");
    assert_eq!(service.endpoints_min, 2);
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    for corner in Corner::all() {
        let scenario = Scenario { replicas: 5, probe: false, ..Scenario::default() };
        assert_eq!(scenario.measure(corner), scenario.measure(corner));
    }
}
