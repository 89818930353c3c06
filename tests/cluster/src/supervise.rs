//! Inside the namespaces: network, parts, gate; and the end of all when whoever asked is gone.
//!
//! Whoever asked says on a socket what is to be done to a part: `restart NAME`, `stop NAME`, `freeze NAME`,
//! `thaw NAME`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::error::ClusterError;
use crate::parts::Parts;
use crate::process::Part;
use crate::{forwards, gate};

/// Port of the API server, inside.
const API_PORT: u16 = 6443;
/// Name of the API server.
const API_SERVER: &str = "kube-apiserver";
/// Port of the fake kubelets.
const KUBELET_PORT: u16 = 10250;
/// Port of etcd, inside.
const ETCD_PORT: u16 = 2379;
/// Addresses of pods; everything in it is local, so that a stand-in can listen where a pod would.
pub(crate) const POD_RANGE: &str = "10.244.0.0/16";
/// Addresses of pods that KWOK gives out: the upper half of the range is for nodes and the API server.
const KWOK_RANGE: &str = "10.244.0.0/17";
/// Addresses of Services.
const SERVICE_RANGE: &str = "10.96.0.0/16";
/// The API server's own endpoint: kube-apiserver refuses loopback ones.
const API_ADDRESS: &str = "10.244.255.1";
/// Every fake node's address.
const NODE_ADDRESS: &str = "10.244.255.2";
/// Seconds that each part may take to come up on a loaded machine.
const PART_SECONDS_MAX: u64 = 120;
/// Requests per second of the controllers; their defaults create thousands of pods in minutes, not seconds.
const CONTROLLER_QPS: [&str; 2] = ["--kube-api-qps=400", "--kube-api-burst=800"];

/// File that says that all parts are up, and the number that this process has outside.
pub(crate) const READY: &str = "ready";
/// Socket of the API server.
pub(crate) const SOCKET: &str = "api.sock";
/// Socket on which this process takes orders.
pub(crate) const ORDERS: &str = "orders.sock";
/// Answer to an order that was carried out.
pub(crate) const DONE: &str = "done";

/// Brings the parts up in the folder and stays until stdin ends. The process namespace ends with this process,
/// and with it every part.
///
/// # Errors
/// Where a part does not come up.
pub fn supervise(folder: &Path, parts: &Parts) -> Result<(), ClusterError> {
    let running = up(folder, parts)?;
    let orders = folder.join(ORDERS);
    let listener = UnixListener::bind(&orders).map_err(ClusterError::file(&orders))?;
    let own_folder = folder.to_owned();
    thread::spawn(move || obey(&listener, &own_folder, running));
    let ready = folder.join(READY);
    // `/proc` is mounted outside: it knows this process by the number that it has there.
    let number = fs::read_link("/proc/self").map_err(ClusterError::file("/proc/self"))?;
    let unfinished = folder.join("ready.new");
    fs::write(&unfinished, number.display().to_string()).map_err(ClusterError::file(&unfinished))?;
    fs::rename(&unfinished, &ready).map_err(ClusterError::file(&ready))?;
    // Nothing is ever written: this returns when the other end is closed, also by a crash.
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
    Ok(())
}

/// Carries out orders, one after another.
fn obey(listener: &UnixListener, folder: &Path, mut parts: Vec<Part>) {
    for mut stream in listener.incoming().flatten() {
        let answer = match read_order(&stream).map(|order| carry_out(&order, folder, &mut parts)) {
            Some(Ok(())) => DONE.to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "no order".to_owned(),
        };
        let _ = stream.write_all(answer.as_bytes());
    }
}

fn read_order(stream: &UnixStream) -> Option<String> {
    let mut order = String::new();
    BufReader::new(stream).read_line(&mut order).ok()?;
    Some(order.trim().to_owned())
}

fn carry_out(order: &str, folder: &Path, parts: &mut [Part]) -> Result<(), ClusterError> {
    let not_known = |what: &str| ClusterError::Failed { command: order.to_owned(), said: what.to_owned() };
    let (verb, name) = order.split_once(' ').unwrap_or((order, ""));
    let part = parts.iter_mut().find(|part| part.name() == name).ok_or_else(|| not_known("no such part"))?;
    match verb {
        "stop" => part.kill(),
        "restart" => {
            part.kill()?;
            part.revive()?;
            if name == API_SERVER {
                part.wait(PART_SECONDS_MAX, || is_ready(folder))?;
            }
            Ok(())
        }
        "freeze" => part.signal("STOP"),
        "thaw" => part.signal("CONT"),
        _ => Err(not_known("no such order")),
    }
}

fn up(folder: &Path, parts: &Parts) -> Result<Vec<Part>, ClusterError> {
    network()?;
    let etcd = etcd(folder, parts)?;
    let api_server = api_server(folder, parts)?;
    let controllers = Part::start(
        folder,
        "kube-controller-manager",
        &parts.binary("kube-controller-manager"),
        &controller_manager_arguments(),
    )?;
    let mut scheduler = strings(&["--kubeconfig=scheduler.kubeconfig", "--leader-elect=false"]);
    scheduler.extend(strings(&CONTROLLER_QPS));
    let scheduler = Part::start(folder, "kube-scheduler", &parts.binary("kube-scheduler"), &scheduler)?;
    // KWOK looks for this kind once, and then after a pause only.
    forwards::define(&folder.join("inside.kubeconfig"))?;
    let kwok = Part::start(folder, "kwok", &parts.binary("kwok"), &kwok_arguments())?;
    let socket = folder.join(SOCKET);
    let listener = UnixListener::bind(&socket).map_err(ClusterError::file(&socket))?;
    thread::spawn(move || gate::inside(&listener, API_PORT));
    Ok(vec![etcd, api_server, controllers, scheduler, kwok])
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Every pod's and every Service's address is local.
fn network() -> Result<(), ClusterError> {
    ip(&["link", "set", "lo", "up"])?;
    ip(&["route", "add", "local", POD_RANGE, "dev", "lo"])?;
    ip(&["route", "add", "local", SERVICE_RANGE, "dev", "lo"])
}

fn ip(arguments: &[&str]) -> Result<(), ClusterError> {
    let command = format!("ip {}", arguments.join(" "));
    let hint = "install iproute2";
    let output = Command::new("ip").args(arguments).output().map_err(|source| ClusterError::Start {
        command: command.clone(),
        hint,
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(ClusterError::Failed { command, said: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

fn etcd(folder: &Path, parts: &Parts) -> Result<Part, ClusterError> {
    let clients = format!("http://127.0.0.1:{ETCD_PORT}");
    let mut etcd = Part::start(
        folder,
        "etcd",
        &parts.binary("etcd"),
        &[
            "--data-dir=etcd".to_owned(),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
            "--log-level=warn".to_owned(),
            // Data that nobody needs after the test must not wait for a disk.
            "--unsafe-no-fsync".to_owned(),
        ],
    )?;
    etcd.wait(PART_SECONDS_MAX, || TcpStream::connect(("127.0.0.1", ETCD_PORT)).is_ok())?;
    Ok(etcd)
}

fn api_server(folder: &Path, parts: &Parts) -> Result<Part, ClusterError> {
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{ETCD_PORT}"),
        format!("--secure-port={API_PORT}"),
        "--bind-address=0.0.0.0".to_owned(),
        format!("--advertise-address={API_ADDRESS}"),
        format!("--service-cluster-ip-range={SERVICE_RANGE}"),
        "--tls-cert-file=server.crt".to_owned(),
        "--tls-private-key-file=server.key".to_owned(),
        "--client-ca-file=ca.crt".to_owned(),
        "--service-account-key-file=service-account.pub".to_owned(),
        "--service-account-signing-key-file=service-account.key".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--api-audiences=https://kubernetes.default.svc,istio-ca".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // Webhooks are reached at their endpoints' addresses: no kube-proxy is needed.
        "--enable-aggregator-routing=true".to_owned(),
        // Nodes' names resolve nowhere.
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--audit-policy-file=audit-policy.json".to_owned(),
        "--audit-log-path=audit.log".to_owned(),
    ];
    let mut part = Part::start(folder, API_SERVER, &parts.binary(API_SERVER), &arguments)?;
    let admin: PathBuf = folder.to_owned();
    part.wait(PART_SECONDS_MAX, || is_ready(&admin))?;
    Ok(part)
}

/// True once the API server says so itself, with all that it does after its start.
fn is_ready(folder: &Path) -> bool {
    let log = fs::read(folder.join("kube-apiserver.log")).unwrap_or_default();
    let said = String::from_utf8_lossy(&log);
    said.contains("all system priority classes are created successfully or already exist")
        && TcpStream::connect(("127.0.0.1", API_PORT)).is_ok()
}

fn controller_manager_arguments() -> Vec<String> {
    let mut arguments = strings(&[
        "--kubeconfig=controller-manager.kubeconfig",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        "--service-account-private-key-file=service-account.key",
        "--root-ca-file=ca.crt",
        "--cluster-signing-cert-file=ca.crt",
        "--cluster-signing-key-file=ca.key",
        "--concurrent-deployment-syncs=10",
    ]);
    arguments.extend(strings(&CONTROLLER_QPS));
    arguments
}

fn kwok_arguments() -> Vec<String> {
    let mut arguments = strings(&[
        "--kubeconfig=inside.kubeconfig",
        "--manage-all-nodes=true",
        "--config=stages.json",
        "--node-lease-duration-seconds=40",
        // The kubelets' server: port-forwards go through the API server as in production.
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--enable-crds=PortForward",
    ]);
    arguments.push(format!("--node-port={KUBELET_PORT}"));
    arguments.push(format!("--server-address=0.0.0.0:{KUBELET_PORT}"));
    arguments.push(format!("--cidr={KWOK_RANGE}"));
    arguments.push(format!("--node-ip={NODE_ADDRESS}"));
    arguments
}
