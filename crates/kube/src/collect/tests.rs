//! An API server that a test plays: pages, refusals, damage, bad moods.

use std::sync::atomic::{AtomicUsize, Ordering};

use meshlift_model::snapshot::{Snapshot, SourceStatus};

use super::request::{NoAnswer, Question, get};
use super::{CollectError, Options, collect};
use crate::connection::{Access, Connection};
use crate::testing::{Answer, Asked, Server};

const DISCOVERY: &str = r#"{"kind":"APIGroupDiscoveryList","items":[
    {"metadata":{"name":"apps"},"versions":[{"version":"v1","resources":[
        {"resource":"deployments"},{"resource":"replicasets"},{"resource":"statefulsets"}]}]},
    {"metadata":{"name":"argoproj.io"},"versions":[{"version":"v1alpha1","resources":[{"resource":"rollouts"}]}]},
    {"metadata":{"name":"networking.istio.io"},"versions":[{"version":"v1beta1","resources":[{"resource":"gateways"}]}]}]}"#;

fn pod(name: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"shop"}}}}"#)
}

fn page(items: &[String], token: &str) -> Answer {
    let items = items.join(",");
    Answer::ok(&format!(r#"{{"kind":"PodList","metadata":{{"continue":"{token}"}},"items":[{items}]}}"#))
}

fn forbidden(message: &str) -> Answer {
    Answer::new(403, &format!(r#"{{"kind":"Status","code":403,"reason":"Forbidden","message":"{message}"}}"#))
}

/// Whatever a test does not say.
fn usual(asked: &Asked) -> Answer {
    match asked.path.as_str() {
        "/version" => Answer::ok(r#"{"gitVersion":"v1.34.4"}"#),
        "/apis" => Answer::ok(DISCOVERY),
        _ => page(&[], ""),
    }
}

fn read(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Result<Snapshot, CollectError> {
    let server = Server::start(answer);
    read_from(&format!("http://127.0.0.1:{}", server.port()))
}

fn read_from(server: &str) -> Result<Snapshot, CollectError> {
    read_as(server, &Options { page: 2, at_once: false })
}

fn read_as(server: &str, options: &Options) -> Result<Snapshot, CollectError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: '{server}'}}}}],
          users: [{{name: u, user: {{}}}}], contexts: [{{name: c, context: {{cluster: c, user: u}}}}]}}"
    );
    std::fs::write(&path, text).unwrap();
    let connection = Connection::open(&Access { kubeconfig: Some(path), context: None }).unwrap();
    collect(&connection, options, &mut |_| {})
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.objects.pods.iter().map(|pod| pod.metadata.name.as_str()).collect()
}

#[test]
fn pages_are_put_together_and_a_list_that_became_too_old_starts_again() {
    let firsts = AtomicUsize::new(0);
    let snapshot = read(move |asked| match asked.path.as_str() {
        "/api/v1/pods?limit=2" => {
            let first = if firsts.fetch_add(1, Ordering::SeqCst) == 0 { "old" } else { "new=" };
            page(&[pod("b"), pod("a")], first)
        }
        "/api/v1/pods?limit=2&continue=old" => {
            Answer::new(410, r#"{"kind":"Status","code":410,"message":"too old"}"#)
        }
        "/api/v1/pods?limit=2&continue=new%3D" => page(&[pod("c")], ""),
        _ => usual(asked),
    })
    .unwrap();
    assert_eq!(names(&snapshot), ["a", "b", "c"]);
    assert_eq!(snapshot.source("pods"), SourceStatus::Read { count: 3 });
    assert_eq!(snapshot.kubernetes_version.as_deref(), Some("v1.34.4"));
}

#[test]
fn a_page_that_names_the_next_one_only_at_its_end_is_followed_too() {
    let snapshot = read(|asked| match asked.path.as_str() {
        "/api/v1/pods?limit=2" => {
            let (a, b) = (pod("a"), pod("b"));
            Answer::ok(&format!(r#"{{"kind":"PodList","items":[{a},{b}],"metadata":{{"continue":"more"}}}}"#))
        }
        "/api/v1/pods?limit=2&continue=more" => page(&[pod("c")], ""),
        _ => usual(asked),
    });
    assert_eq!(names(&snapshot.unwrap()), ["a", "b", "c"]);
}

#[test]
fn a_list_that_is_always_too_old_is_broken_in_the_end() {
    let snapshot = read(|asked| match asked.path.as_str() {
        "/api/v1/pods?limit=2" => page(&[pod("a")], "old"),
        "/api/v1/pods?limit=2&continue=old" => Answer::new(410, "{}"),
        _ => usual(asked),
    })
    .unwrap();
    let SourceStatus::Broken { reason } = snapshot.source("pods") else { panic!("{snapshot:?}") };
    assert!(reason.contains("410"), "{reason}");
    assert_eq!(names(&snapshot), [] as [&str; 0]);
}

#[test]
fn a_busy_server_is_asked_again_after_the_time_it_names() {
    let asks = AtomicUsize::new(0);
    let snapshot = read(move |asked| match asked.path.as_str() {
        "/api/v1/pods?limit=2" if asks.fetch_add(1, Ordering::SeqCst) < 2 => {
            Answer::new(429, r#"{"kind":"Status","code":429,"message":"too many"}"#).with("retry-after", "0")
        }
        "/api/v1/pods?limit=2" => page(&[pod("a")], ""),
        _ => usual(asked),
    })
    .unwrap();
    assert_eq!(names(&snapshot), ["a"]);
}

#[test]
fn refused_absent_and_broken_are_told_apart_and_nothing_reads_as_empty() {
    let snapshot = read(|asked| match asked.path.as_str() {
        "/apis/apps/v1/deployments?limit=2" => forbidden("User x cannot list resource deployments"),
        "/api/v1/services?limit=2" => Answer::new(500, "etcd is gone"),
        "/api/v1/nodes?limit=2" => Answer::ok("<html>"),
        "/apis/apps/v1/replicasets?limit=2" => Answer::new(404, "{}"),
        _ => usual(asked),
    })
    .unwrap();
    let SourceStatus::Refused { reason } = snapshot.source("deployments.apps") else {
        panic!("{snapshot:?}")
    };
    assert!(
        reason.contains("User x cannot list")
            && reason.contains(r#"{apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"]}"#),
        "{reason}"
    );
    for broken in ["services", "nodes"] {
        assert!(matches!(snapshot.source(broken), SourceStatus::Broken { .. }), "{broken}");
    }
    for absent in ["replicasets.apps", "daemonsets.apps", "sidecars.networking.istio.io"] {
        assert_eq!(snapshot.source(absent), SourceStatus::Absent, "{absent}");
    }
    assert_eq!(snapshot.source("rollouts.argoproj.io"), SourceStatus::Read { count: 0 });
    assert_eq!(snapshot.source("gateways.networking.istio.io"), SourceStatus::Read { count: 0 });
    assert!(matches!(snapshot.source("secrets"), SourceStatus::Refused { .. }));
}

/// A field of a protobuf message.
fn part(number: u8, content: &str) -> String {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128);
    format!("{}{}{content}", char::from(number << 3 | 2), char::from(length))
}

/// An answer as protobuf.
fn message(kind: &str, content: &str) -> String {
    format!("k8s\0{}{}", part(1, &(part(1, "v1") + &part(2, kind))), part(2, content))
}

#[test]
fn a_refusal_as_protobuf_says_the_same_as_one_as_json() {
    let words = "User x cannot list resource pods";
    let status = message("Status", &(part(3, words) + &part(4, "Forbidden") + "\x30\x13"));
    let of_pods = |answer: Answer, asked: &Asked| match asked.path.as_str() {
        "/api/v1/pods?limit=2" => {
            let accept = asked.header("accept").unwrap();
            assert_eq!(accept, "application/vnd.kubernetes.protobuf,application/json");
            answer
        }
        _ => usual(asked),
    };
    let as_messages = read(move |asked| of_pods(Answer::new(403, &status), asked)).unwrap();
    let as_json = read(move |asked| of_pods(forbidden(words), asked)).unwrap();
    let SourceStatus::Refused { reason } = as_messages.source("pods") else { panic!("{as_messages:?}") };
    assert!(reason.contains(words), "{reason}");
    assert_eq!(as_messages.source("pods"), as_json.source("pods"));
}

#[test]
fn a_long_list_comes_in_one_answer_and_where_that_fails_page_by_page() {
    let pods = |names: &[&str]| {
        let pod = |name: &&str| part(2, &part(1, &(part(1, name) + &part(3, "shop"))));
        message("PodList", &names.iter().map(pod).collect::<String>())
    };
    let whole = pods(&["a", "b", "c"]);
    let cut_off = whole[..whole.len() - 3].to_owned();
    let of_another_kind = message("ServiceList", "");
    let answers = [
        Answer::ok(&whole),
        Answer::ok(&cut_off),
        Answer::ok(&of_another_kind),
        Answer::ok("<html>"),
        Answer::new(406, "{}"),
    ];
    for (answer, expected) in answers.into_iter().zip([&["a", "b", "c"][..], &["p"], &["p"], &["p"], &["p"]])
    {
        let server = Server::start(move |asked| match asked.path.as_str() {
            "/api/v1/pods" => answer.clone(),
            "/api/v1/pods?limit=2" => page(&[pod("p")], ""),
            _ => usual(asked),
        });
        let url = format!("http://127.0.0.1:{}", server.port());
        let snapshot = read_as(&url, &Options { page: 2, at_once: true }).unwrap();
        assert_eq!(names(&snapshot), expected);
        assert_eq!(snapshot.source("pods"), SourceStatus::Read { count: expected.len() });
    }
}

#[test]
fn an_object_that_cannot_be_read_is_said_with_its_place_in_the_whole_list_and_skipped() {
    let snapshot = read(|asked| match asked.path.as_str() {
        "/api/v1/pods?limit=2" => page(&[pod("a"), pod("b")], "next"),
        "/api/v1/pods?limit=2&continue=next" => {
            let odd = r#"{"metadata":{"name":"odd","namespace":"shop"},"spec":{"containers":7}}"#.to_owned();
            page(&[pod("c"), odd, r#"{"metadata":{"namespace":"shop"}}"#.to_owned()], "")
        }
        _ => usual(asked),
    })
    .unwrap();
    assert_eq!(names(&snapshot), ["a", "b", "c"]);
    assert_eq!(snapshot.source("pods"), SourceStatus::Read { count: 5 });
    let places: Vec<&str> = snapshot.problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["items[3] shop/odd", "items[4] shop"]);
    assert!(snapshot.problems[1].problem.contains("has no metadata.name; skipped (/api/v1/pods)"));
}

#[test]
fn a_cluster_that_shows_nothing_is_an_error_that_says_why() {
    let unknown = read(|_| Answer::new(401, r#"{"kind":"Status","code":401,"message":"Unauthorized"}"#));
    assert!(matches!(unknown, Err(CollectError::Credentials { .. })), "{unknown:?}");
    let closed = read(|asked| match asked.path.as_str() {
        "/version" => usual(asked),
        _ => forbidden("User x cannot do anything"),
    });
    let Err(error @ CollectError::NothingRead { .. }) = closed else { panic!("{closed:?}") };
    assert!(error.to_string().contains("User x cannot do anything"), "{error}");
    let other = read(|_| Answer::new(404, "nothing here"));
    assert!(matches!(other, Err(CollectError::NoApiServer { .. })), "{other:?}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let unreachable = read_from(&format!("http://127.0.0.1:{nobody}"));
    assert!(matches!(unreachable, Err(CollectError::Unreachable { .. })), "{unreachable:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_deadline_and_the_words_name_it() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let why = runtime.block_on(async {
        let client = kube::Client::try_from(kube::Config::new(address.parse().unwrap())).unwrap();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(1);
        let question = Question { path: "/version", accept: "application/json", deadline, patient: false };
        get(&client, &question).await
    });
    let Err(NoAnswer::Broken(words)) = why else { panic!("{why:?}") };
    assert_eq!(words, "/version: no answer within 1 s");
}
