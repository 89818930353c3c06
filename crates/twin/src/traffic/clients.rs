//! Who sends requests to a Service, and what becomes of one that meets an endpoint which cannot serve.

use std::collections::BTreeSet;

use meshlift_model::k8s::{Container, IntOrString, Pod, Service, ServicePort, VirtualService};
use meshlift_model::traffic_constants::RETRIES;

use super::life::apps;

/// A class of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientClass {
    /// With a proxy, HTTP.
    MeshedHttp,
    /// With a proxy, gRPC.
    MeshedGrpc,
    /// With a proxy, any other protocol.
    MeshedTcp,
    /// Without a proxy, through kube-proxy.
    Unmeshed,
    /// From outside, through a load balancer or a node's port.
    LoadBalancer,
    /// By address of the pod itself.
    Headless,
}

/// Protocols that Istio does not take for HTTP.
const OPAQUE: [&str; 7] = ["tcp", "tls", "https", "mongo", "mysql", "redis", "udp"];
/// Conditions of a retry policy under which a 503 is tried again.
const RETRIES_503: [&str; 4] = ["5xx", "gateway-error", "503", "retriable-status-codes"];

impl ClientClass {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::MeshedHttp => "meshed HTTP clients",
            Self::MeshedGrpc => "meshed gRPC clients",
            Self::MeshedTcp => "meshed TCP clients",
            Self::Unmeshed => "clients without a proxy",
            Self::LoadBalancer => "clients behind a load balancer",
            Self::Headless => "clients of pod addresses",
        }
    }

    /// True where clients hold connections open that an exit cuts.
    pub(super) fn holds_connections(self) -> bool {
        match self {
            Self::MeshedTcp | Self::Headless => true,
            Self::MeshedHttp | Self::MeshedGrpc | Self::Unmeshed | Self::LoadBalancer => false,
        }
    }
}

/// One way in: a class of clients at one port.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Access {
    pub(super) class: ClientClass,
    /// Port of the pods, by number or name.
    pub(super) target: IntOrString,
    pub(super) retries: Retries,
}

/// Retry policy of meshed HTTP clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retries {
    pub(super) attempts: u32,
    /// A plain 503 is tried again too.
    pub(super) after_503: bool,
}

/// All ways into a Service.
pub(super) fn accesses(service: &Service, routes: &[VirtualService]) -> Vec<Access> {
    let mut all = Vec::new();
    if service.spec.type_ == "ExternalName" {
        return all;
    }
    let retries = retries_for(service, routes);
    for port in &service.spec.ports {
        let target = match &port.target_port {
            IntOrString::Int(0) => IntOrString::Int(port.port),
            target => target.clone(),
        };
        for class in classes(service, port) {
            let access = Access { class, target: target.clone(), retries };
            if !all.contains(&access) {
                all.push(access);
            }
        }
    }
    all
}

fn classes(service: &Service, port: &ServicePort) -> BTreeSet<ClientClass> {
    if service.spec.cluster_ip == "None" {
        return BTreeSet::from([ClientClass::Headless]);
    }
    let named = port.name.split('-').next().unwrap_or_default();
    let protocol = port.app_protocol.as_deref().unwrap_or(named).to_ascii_lowercase();
    let meshed = if protocol == "grpc" || protocol == "grpc-web" {
        ClientClass::MeshedGrpc
    } else if OPAQUE.contains(&protocol.as_str()) || port.protocol == "UDP" {
        ClientClass::MeshedTcp
    } else {
        ClientClass::MeshedHttp
    };
    let mut classes = BTreeSet::from([meshed, ClientClass::Unmeshed]);
    if matches!(service.spec.type_.as_str(), "LoadBalancer" | "NodePort") {
        classes.insert(ClientClass::LoadBalancer);
    }
    classes
}

/// The weakest retry policy of any route to the Service; Istio's default where no route says.
fn retries_for(service: &Service, routes: &[VirtualService]) -> Retries {
    let (name, namespace) = (&service.metadata.name, &service.metadata.namespace);
    let full = format!("{name}.{namespace}.svc.cluster.local");
    let partial = [format!("{name}.{namespace}"), format!("{name}.{namespace}.svc")];
    let to_here = |route: &VirtualService, host: &str| {
        host == full
            || partial.iter().any(|form| form == host)
            || (host == name && route.metadata.namespace == *namespace)
    };
    let mut weakest = Retries { attempts: RETRIES, after_503: false };
    let mut after_503 = None;
    for route in routes {
        for http in &route.spec.http {
            let hit = http.route.iter().any(|to| to_here(route, &to.destination.host));
            let Some(policy) = http.retries.as_ref().filter(|_| hit) else { continue };
            weakest.attempts = weakest.attempts.min(u32::try_from(policy.attempts).unwrap_or(0));
            let again = policy.retry_on.split(',').any(|word| RETRIES_503.contains(&word.trim()));
            after_503 = Some(after_503.unwrap_or(true) && again);
        }
    }
    Retries { after_503: after_503.unwrap_or(false), ..weakest }
}

/// The containers that answer an access: those that declare its port, else all of the app.
pub(super) fn serving<'a>(pod: &'a Pod, target: &IntOrString) -> Vec<&'a Container> {
    let declares = |container: &&Container| {
        container.ports.iter().any(|port| match target {
            IntOrString::Int(number) => port.container_port == *number,
            IntOrString::String(name) => port.name == *name,
        })
    };
    let declaring: Vec<&Container> = apps(pod).filter(declares).collect();
    if declaring.is_empty() { apps(pod).collect() } else { declaring }
}

/// Endpoints of a view, by what a new request meets there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// It is served.
    pub(super) good: u32,
    /// Nobody takes the connection.
    pub(super) refused: u32,
    /// A proxy takes it and has no app behind it.
    pub(super) unanswered: u32,
}

impl View {
    fn all(self) -> u32 {
        self.good + self.refused + self.unanswered
    }

    /// Share of new requests that is lost; exactly 0 where nothing is.
    pub(super) fn lost_share(self, access: &Access) -> f64 {
        if self.all() == 0 {
            return 1.0;
        }
        match access.class {
            ClientClass::MeshedHttp => self.lost(access.retries.attempts, access.retries.after_503),
            ClientClass::MeshedGrpc => self.lost(access.retries.attempts, true),
            ClientClass::MeshedTcp | ClientClass::Unmeshed | ClientClass::LoadBalancer => self.lost(0, false),
            // Who resolves names gets what is listed now; open connections are counted apart.
            ClientClass::Headless => 0.0,
        }
    }

    /// One endpoint is picked; what fails in a way that is tried again goes to another one.
    fn lost(self, attempts: u32, after_503: bool) -> f64 {
        let all = f64::from(self.all());
        let again = |left: Self| {
            if attempts == 0 || left.all() == 0 { 1.0 } else { left.lost(attempts - 1, after_503) }
        };
        let mut lost = 0.0;
        if self.refused > 0 {
            lost += f64::from(self.refused) / all * again(Self { refused: self.refused - 1, ..self });
        }
        if self.unanswered > 0 {
            let share = f64::from(self.unanswered) / all;
            let left = Self { unanswered: self.unanswered - 1, ..self };
            lost += if after_503 { share * again(left) } else { share };
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(class: ClientClass) -> Access {
        let retries = Retries { attempts: RETRIES, after_503: false };
        Access { class, target: IntOrString::Int(80), retries }
    }

    fn view(good: u32, refused: u32, unanswered: u32) -> View {
        View { good, refused, unanswered }
    }

    #[test]
    fn meshed_http_survives_a_lost_proxy_and_not_a_lost_app() {
        let http = access(ClientClass::MeshedHttp);
        assert_eq!(view(2, 1, 0).lost_share(&http), 0.0);
        assert_eq!(view(2, 2, 0).lost_share(&http), 0.0);
        assert_eq!(view(3, 0, 1).lost_share(&http), 0.25);
        assert_eq!(view(1, 3, 0).lost_share(&http), 0.75 * (2.0 / 3.0) * 0.5);
        assert_eq!(view(0, 0, 0).lost_share(&http), 1.0);
    }

    #[test]
    fn others_survive_what_their_protocol_lets_them() {
        assert_eq!(view(3, 0, 1).lost_share(&access(ClientClass::MeshedGrpc)), 0.0);
        assert_eq!(view(3, 1, 0).lost_share(&access(ClientClass::MeshedTcp)), 0.25);
        assert_eq!(view(1, 1, 0).lost_share(&access(ClientClass::Unmeshed)), 0.5);
        assert_eq!(view(0, 1, 0).lost_share(&access(ClientClass::Headless)), 0.0);
        assert_eq!(view(0, 0, 0).lost_share(&access(ClientClass::Headless)), 1.0);
    }

    #[test]
    fn protocols_are_those_of_appprotocol_then_name() {
        let class = |name: &str, app_protocol: Option<&str>| {
            let app_protocol = app_protocol.map(str::to_owned);
            let port = ServicePort { name: name.into(), app_protocol, ..ServicePort::default() };
            classes(&Service::default(), &port).into_iter().next()
        };
        assert_eq!(class("http-web", None), Some(ClientClass::MeshedHttp));
        assert_eq!(class("grpc", None), Some(ClientClass::MeshedGrpc));
        assert_eq!(class("http", Some("redis")), Some(ClientClass::MeshedTcp));
        assert_eq!(class("", None), Some(ClientClass::MeshedHttp));
    }
}
