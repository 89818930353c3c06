//! An API server that turns requests away, hangs up and forgets: reads are asked again, writes are not.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use meshlift_kube::{Access, Connection, LiveWorld};
use meshlift_model::effect::{Change, Effect, Failure, Observation, Outcome, Query, Write};
use meshlift_model::journal::InputEvent;
use meshlift_model::names::ObjectRef;
use meshlift_ports::WorldPort;
use serde_json::{Value, json};

use crate::scene;

/// What the server does with a request.
#[derive(Clone)]
enum Reply {
    /// Code, further headers, body.
    Answer(u16, &'static str, Value),
    /// Nothing: it takes the request and closes the connection.
    HangUp,
}

/// A server that plays replies in order, and what it was asked.
struct Server {
    world: LiveWorld,
    asked: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

fn ok(body: Value) -> Reply {
    Reply::Answer(200, "", body)
}

fn no(code: u16) -> Reply {
    Reply::Answer(
        code,
        "",
        json!({"kind": "Status", "status": "Failure", "message": "not now", "code": code}),
    )
}

impl Server {
    fn playing(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            let mut replies = VecDeque::from(replies);
            while let Some(reply) = replies.pop_front() {
                let Ok((stream, _)) = listener.accept() else { return };
                let (line, stream) = read(stream);
                // Noted before it is answered: whoever has the answer may ask at once what was asked.
                told.lock().unwrap().push(line);
                play(stream, &reply);
            }
        });
        let (world, folder) = world(&server);
        Self { world, asked, _folder: folder }
    }

    fn run(&mut self, effect: &Effect) -> Outcome {
        self.world.submit(1, effect);
        match self.world.next(Some(self.world.now().plus_seconds(100))).event {
            InputEvent::Outcome { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A world behind an API server at this address, and the folder of its kubeconfig.
fn world(address: &str) -> (LiveWorld, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let connection = Connection::open(&Access { kubeconfig: Some(kubeconfig), context: None }).unwrap();
    (scene::world(&connection, None), folder)
}

/// Reads one request whole and plays a reply; gives method and path.
fn serve(stream: TcpStream, reply: &Reply) -> String {
    let (line, stream) = read(stream);
    play(stream, reply);
    line
}

/// Reads one request whole; gives method and path.
fn read(stream: TcpStream) -> (String, TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    (first.split(' ').take(2).collect::<Vec<_>>().join(" "), reader.into_inner())
}

/// Answers, or hangs up: the connection ends with this.
fn play(mut stream: TcpStream, reply: &Reply) {
    if let Reply::Answer(code, headers, body) = reply {
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {code} X\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
}

fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}})
}

fn label() -> Effect {
    let change = Change::Labels { labels: [("a".to_owned(), None)].into() };
    let target = ObjectRef::cluster("Namespace", "web");
    Effect::Write(Write { target, uid: None, resource_version: None, change })
}

#[test]
fn a_read_is_asked_again_until_it_is_answered() {
    let wait = Reply::Answer(429, "Retry-After: 1\r\n", json!("Too many requests, please try again later."));
    let mut server = Server::playing(vec![no(503), wait, Reply::HangUp, no(500), ok(namespace())]);
    let began = server.world.now();
    let object = ObjectRef::cluster("Namespace", "web");
    let outcome = server.run(&Effect::Read(Query::Object { object }));
    assert!(
        matches!(outcome, Outcome::Observed { observation: Observation::Object { object: Some(_) } }),
        "{outcome:?}"
    );
    assert_eq!(server.asked(), vec!["GET /api/v1/namespaces/web"; 5]);
    assert!(server.world.now().millis_since(began) >= 1000, "it was told to wait a second");
}

#[test]
fn a_write_is_sent_once_whatever_becomes_of_it() {
    for reply in [no(503), no(504), no(429), Reply::HangUp] {
        // Before each write it is asked whether a person holds every run.
        let mut server = Server::playing(vec![ok(namespace()), reply, ok(namespace()), ok(namespace())]);
        let outcome = server.run(&label());
        assert!(matches!(outcome, Outcome::Failed { failure: Failure::Unavailable { .. } }), "{outcome:?}");
        let asked = ["GET /api/v1/namespaces/default", "PATCH /api/v1/namespaces/web?fieldManager=meshlift"];
        assert_eq!(server.asked(), asked);
        // The engine writes again, and it is done.
        assert_eq!(server.run(&label()), Outcome::Done { stored: vec![] });
    }
}

#[test]
fn a_write_that_was_turned_away_is_sent_again_when_the_server_says_so() {
    let wait = Reply::Answer(429, "Retry-After: 1\r\n", json!("Too many requests, please try again later."));
    let mut server = Server::playing(vec![ok(namespace()), wait.clone(), wait, ok(namespace())]);
    let began = server.world.now();
    assert_eq!(server.run(&label()), Outcome::Done { stored: vec![] });
    assert_eq!(server.asked().len(), 4);
    assert!(server.world.now().millis_since(began) >= 2000, "it was told to wait twice");
}

#[test]
fn an_api_server_that_was_away_may_refuse_for_a_while_what_it_permits() {
    let words =
        "namespaces \"web\" is forbidden: User \"ci\" cannot patch resource \"namespaces\" in API group \"\"";
    let refusal = json!({"kind": "Status", "status": "Failure", "message": words, "code": 403});
    let refusal = Reply::Answer(403, "", refusal);
    let held = ok(namespace());
    let mut server = Server::playing(vec![held.clone(), refusal.clone()]);
    let outcome = server.run(&label());
    assert!(matches!(outcome, Outcome::Failed { failure: Failure::Forbidden { .. } }), "{outcome:?}");
    let replies = vec![held.clone(), Reply::HangUp, held, refusal, ok(namespace())];
    let mut server = Server::playing(replies);
    let outcome = server.run(&label());
    assert!(matches!(outcome, Outcome::Failed { failure: Failure::Unavailable { .. } }), "{outcome:?}");
    assert_eq!(server.run(&label()), Outcome::Done { stored: vec![] });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "an API server that restarts is away for a while")]
fn a_write_waits_for_an_api_server_that_restarts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (mut world, _folder) = world(&address.to_string());
    let server = thread::spawn(move || {
        // Whether a person holds every run. Nothing listens any more when that is answered: a connection that the kernel
        // had taken in would be cut, and what was sent on it might have been done.
        let (_, stream) = read(listener.accept().unwrap().0);
        drop(listener);
        play(stream, &ok(namespace()));
        thread::sleep(Duration::from_secs(3));
        let listener = TcpListener::bind(address).unwrap();
        serve(listener.accept().unwrap().0, &ok(namespace()))
    });
    world.submit(1, &label());
    let input = world.next(Some(world.now().plus_seconds(100)));
    assert!(
        matches!(&input.event, InputEvent::Outcome { outcome: Outcome::Done { .. }, .. }),
        "{:?}",
        input.event
    );
    // Without an outcome that says so, the server may still wait for a request.
    assert_eq!(server.join().unwrap(), "PATCH /api/v1/namespaces/web?fieldManager=meshlift");
}

#[test]
fn a_list_that_grew_too_old_begins_anew() {
    let pod = |name: &str| json!({"metadata": {"name": name, "namespace": "web"}});
    let page = |names: &[&str], next: &str| {
        let items: Vec<Value> = names.iter().map(|name| pod(name)).collect();
        ok(json!({"kind": "PodList", "metadata": {"continue": next}, "items": items}))
    };
    let replies = vec![
        page(&["a", "b"], "more"),
        no(410),
        page(&["a", "c"], "rest"),
        page(&["d"], ""),
        ok(json!({"metadata": {}, "items": null})),
        no(404),
    ];
    let mut server = Server::playing(replies);
    let outcome = server.run(&Effect::Read(Query::Census));
    let Outcome::Observed { observation: Observation::Census { pods, .. } } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(pods, 3, "nothing twice, nothing of the list that was too old");
    let asked = server.asked();
    assert_eq!(asked[2], "GET /api/v1/pods?limit=500");
    assert_eq!(asked[3], "GET /api/v1/pods?limit=500&continue=rest");
    assert_eq!(asked[5], "GET /apis/gateway.networking.k8s.io/v1/gateways?limit=500");
}

#[test]
fn an_answer_that_is_no_answer_is_not_taken_for_an_empty_one() {
    let mut server = Server::playing(vec![ok(json!({"metadata": {}, "items": [{"metadata": 7}]}))]);
    let outcome = server.run(&Effect::Read(Query::Census));
    assert!(matches!(outcome, Outcome::Failed { failure: Failure::Unsupported { .. } }), "{outcome:?}");
}
