//! A little server for tests: answers what the test says, over plain HTTP on loopback.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use kube::{Client, Config};
use tokio::runtime::Runtime;

/// A request as it came.
pub(crate) struct Asked {
    /// Path with query.
    pub(crate) path: String,
    headers: BTreeMap<String, String>,
    /// Text of its body.
    pub(crate) body: String,
}

impl Asked {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer.
#[derive(Clone)]
pub(crate) struct Answer {
    code: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    /// With a code and a body.
    pub(crate) fn new(code: u16, body: &str) -> Self {
        Self { code, headers: Vec::new(), body: body.to_owned() }
    }

    /// 200.
    pub(crate) fn ok(body: &str) -> Self {
        Self::new(200, body)
    }

    /// With one more header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// Listens until the test's process ends.
pub(crate) struct Server {
    port: u16,
    runtime: Runtime,
}

impl Server {
    /// Starts it on a free port.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(stream, &*answer));
            }
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { port, runtime: runtime.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A client of it. Within [`Server::wait`] alone.
    pub(crate) fn client(&self) -> Client {
        let mut config = Config::new(format!("http://127.0.0.1:{}", self.port).parse().unwrap());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }

    /// Runs requests to their end.
    pub(crate) fn wait<F: Future>(&self, requests: F) -> F::Output {
        self.runtime.block_on(requests)
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&Asked) -> Answer) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let answer = answer(&asked);
        let mut head = format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", answer.code, answer.body.len());
        answer.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        let sent = writer.write_all(format!("{head}\r\n{}", answer.body).as_bytes());
        if sent.is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.trim_end_matches('?').to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, headers, body: String::from_utf8(body).unwrap() })
}
