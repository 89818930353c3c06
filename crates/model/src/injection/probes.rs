//! Probes of the app go to the agent, which passes them on (`pkg/kube/inject/app_probe.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PROXY;
use crate::k8s::{Container, GrpcAction, HttpGetAction, IntOrString, Pod, Probe, TcpSocketAction};

/// What the agent asks of the app: a value of `ISTIO_KUBE_APP_PROBERS`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Prober {
    #[serde(skip_serializing_if = "Option::is_none")]
    http_get: Option<HttpGetAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp_socket: Option<TcpSocketAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc: Option<GrpcAction>,
    #[serde(skip_serializing_if = "is_zero")]
    timeout_seconds: i32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// Sends the app's probes to the agent. Gives what the agent must know, if there is anything.
pub fn rewrite_probes(pod: &mut Pod, port: i32) -> Option<String> {
    let mut probers: BTreeMap<String, Prober> = BTreeMap::new();
    for container in pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers) {
        let named: BTreeMap<String, i32> =
            container.ports.iter().map(|port| (port.name.clone(), port.container_port)).collect();
        for (path, probe) in probes_of(container) {
            if let Some(prober) = prober_of(probe, &named, port) {
                probe.http_get = Some(HttpGetAction {
                    path: path.clone(),
                    port: IntOrString::Int(port),
                    scheme: "HTTP".into(),
                });
                probe.tcp_socket = None;
                probe.grpc = None;
                probers.insert(path, prober);
            }
        }
    }
    if probers.is_empty() { None } else { serde_json::to_string(&probers).ok() }
}

/// Gives the app's probes back what the agent was told of them.
pub fn restore_probes(pod: &mut Pod, told: &str) {
    let probers: BTreeMap<String, Prober> = serde_json::from_str(told).unwrap_or_default();
    for container in pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers) {
        for (path, probe) in probes_of(container) {
            if let Some(prober) = probers.get(&path) {
                probe.http_get.clone_from(&prober.http_get);
                probe.tcp_socket.clone_from(&prober.tcp_socket);
                probe.grpc.clone_from(&prober.grpc);
            }
        }
    }
}

/// The probes of an app container, each with the path under which the agent knows it.
fn probes_of(container: &mut Container) -> Vec<(String, &mut Probe)> {
    if container.name == PROXY {
        return Vec::new();
    }
    let name = &container.name;
    let probes = [
        ("readyz", &mut container.readiness_probe),
        ("livez", &mut container.liveness_probe),
        ("startupz", &mut container.startup_probe),
    ];
    let known = probes.into_iter().filter_map(|(word, probe)| Some((word, probe.as_deref_mut()?)));
    known.map(|(word, probe)| (format!("/app-health/{name}/{word}"), probe)).collect()
}

/// What the agent must do for a probe; nothing for commands, and for what goes to the agent already.
fn prober_of(probe: &Probe, named: &BTreeMap<String, i32>, agent: i32) -> Option<Prober> {
    let number = |port: &IntOrString| match port {
        IntOrString::Int(number) => Some(IntOrString::Int(*number)),
        IntOrString::String(name) => named.get(name).copied().map(IntOrString::Int),
    };
    let mut prober = Prober { timeout_seconds: probe.timeout_seconds, ..Prober::default() };
    if let Some(get) = &probe.http_get {
        let port = number(&get.port).filter(|port| *port != IntOrString::Int(agent))?;
        prober.http_get = Some(HttpGetAction { port, ..get.clone() });
    } else if let Some(socket) = &probe.tcp_socket {
        prober.tcp_socket = Some(TcpSocketAction { port: number(&socket.port)? });
    } else {
        prober.grpc = Some(probe.grpc.clone()?);
    }
    Some(prober)
}
