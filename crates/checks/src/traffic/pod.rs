//! What a pod as injected does when it starts and when it stops, as far as its spec tells.

use meshlift_model::defaults::FOREVER_SECONDS;
use meshlift_model::k8s::{Container, PodSpec};
use meshlift_model::traffic_constants as c;

/// The longest time that is told apart.
const FOREVER_MILLIS: i64 = FOREVER_SECONDS * 1000;
/// Makes a proxy wait for the end of its connections.
const EXIT_ON_ZERO: &str = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";

/// Name of the proxy's container in every pod that Istio makes.
pub(crate) const PROXY: &str = "istio-proxy";

/// A pod's way of starting and stopping.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PodShape {
    pub(super) grace_millis: i64,
    pub(super) proxy: ProxyShape,
    /// App containers; empty for a gateway.
    pub(super) apps: Vec<AppShape>,
}

/// How its proxy stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ProxyShape {
    /// Lives, and takes connections, until the last app container has ended.
    Native,
    /// Ends by itself.
    Classic(Drain),
    /// The proxy is all there is.
    Gateway(Drain),
}

/// Drain of a proxy that gets its own SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drain {
    /// Its own preStop sleep.
    pub(super) sleep_millis: i64,
    /// From SIGTERM to its exit; the least with `until_idle`.
    pub(super) drain_millis: i64,
    /// From SIGTERM to the close of its listeners, should it live so long.
    pub(super) open_millis: i64,
    /// EXIT_ON_ZERO_ACTIVE_CONNECTIONS: it stays while requests are open.
    pub(super) until_idle: bool,
}

impl Drain {
    /// Milliseconds after T0 before which it does not exit by itself.
    pub(super) fn least_millis(self) -> i64 {
        self.sleep_millis + self.drain_millis
    }
}

impl ProxyShape {
    /// When it takes no new connection any more; for words.
    pub(super) fn end_words(self, grace_millis: i64) -> String {
        match self {
            Self::Classic(drain) | Self::Gateway(drain)
                if grace_millis < drain.least_millis().min(drain.sleep_millis + drain.open_millis) =>
            {
                format!("its proxy is killed {} s after SIGTERM (grace period)", grace_millis / 1000)
            }
            Self::Classic(drain) | Self::Gateway(drain)
                if drain.until_idle || drain.open_millis < drain.drain_millis =>
            {
                let seconds = (drain.sleep_millis + drain.open_millis) / 1000;
                format!("its proxy closes its listeners {seconds} s after SIGTERM (drainDuration)")
            }
            Self::Classic(drain) | Self::Gateway(drain) => {
                format!("its proxy exits {} s after SIGTERM", drain.least_millis() / 1000)
            }
            Self::Native => "its proxy exits with its app".to_owned(),
        }
    }
}

/// An app container.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AppShape {
    /// Declared ports, by number and name.
    pub(super) ports: Vec<(i32, String)>,
    /// preStop sleep.
    pub(super) sleep_millis: i64,
    /// Readiness or startup probe: seconds before the first try, and between tries.
    pub(super) probe: Option<(i64, i64)>,
}

impl PodShape {
    /// The same pod, its apps with that preStop sleep.
    pub(super) fn with_sleep_millis(&self, sleep_millis: i64) -> Self {
        let apps = self.apps.iter().map(|app| AppShape { sleep_millis, ..app.clone() }).collect();
        Self { apps, ..self.clone() }
    }
}

/// Shape of a pod; `None` for one without a proxy. Where the proxy is all there is, it is a gateway.
pub(super) fn pod_shape(spec: &PodSpec) -> Option<PodShape> {
    let native = spec.init_containers.iter().find(|container| container.name == PROXY);
    let beside = spec.containers.iter().find(|container| container.name == PROXY);
    let apps: Vec<AppShape> =
        spec.containers.iter().filter(|container| container.name != PROXY).map(app).collect();
    let proxy = match (native, beside) {
        (Some(_), _) => ProxyShape::Native,
        (None, Some(container)) if apps.is_empty() => ProxyShape::Gateway(drain(container)),
        (None, Some(container)) => ProxyShape::Classic(drain(container)),
        (None, None) => return None,
    };
    Some(PodShape { grace_millis: spec.grace_seconds().max(0).saturating_mul(1000), proxy, apps })
}

fn app(container: &Container) -> AppShape {
    let probe = container.readiness_probe.as_ref().or(container.startup_probe.as_ref()).map(|probe| {
        let period = i64::from(probe.period_seconds);
        (i64::from(probe.initial_delay_seconds), if period > 0 { period } else { c::PROBE_PERIOD_SECONDS })
    });
    AppShape {
        ports: container.ports.iter().map(|port| (port.container_port, port.name.clone())).collect(),
        sleep_millis: sleep_millis(container),
        probe,
    }
}

fn drain(container: &Container) -> Drain {
    let set = |config: serde_json::Value| config.get("proxyMetadata")?.get(EXIT_ON_ZERO).cloned();
    let until_idle = container.env_value(EXIT_ON_ZERO) == Some("true")
        || config(container).and_then(set).is_some_and(|value| value == "true");
    let drain_millis = if until_idle {
        container
            .env_value("MINIMUM_DRAIN_DURATION")
            .and_then(go_duration_millis)
            .unwrap_or(c::MINIMUM_DRAIN_MILLIS)
    } else {
        termination_drain_millis(container)
    };
    let (sleep_millis, open_millis) = (sleep_millis(container), open_millis(container));
    Drain { sleep_millis, drain_millis, open_millis, until_idle }
}

/// Milliseconds from the start of a drain to the close of the listeners.
fn open_millis(container: &Container) -> i64 {
    config_millis(container, "drainDuration").unwrap_or(c::DRAIN_MILLIS).clamp(0, FOREVER_MILLIS)
}

fn termination_drain_millis(container: &Container) -> i64 {
    let env = container
        .env_value("TERMINATION_DRAIN_DURATION_SECONDS")
        .and_then(|text| text.trim().parse::<i64>().ok())
        .map(|seconds| seconds.saturating_mul(1000));
    let config = || config_millis(container, "terminationDrainDuration");
    env.or_else(config).unwrap_or(c::TERMINATION_DRAIN_MILLIS).clamp(0, FOREVER_MILLIS)
}

/// The ProxyConfig that injection wrote into the container.
fn config(container: &Container) -> Option<serde_json::Value> {
    serde_json::from_str(container.env_value("PROXY_CONFIG")?).ok()
}

fn config_millis(container: &Container, field: &str) -> Option<i64> {
    go_duration_millis(config(container)?.get(field)?.as_str()?)
}

/// Milliseconds of a preStop sleep; 0 for hooks whose duration nobody can read.
fn sleep_millis(container: &Container) -> i64 {
    let Some(hook) = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref()) else {
        return 0;
    };
    let millis = match (&hook.sleep, &hook.exec) {
        (Some(sleep), _) => sleep.seconds.max(0).saturating_mul(1000),
        (None, Some(exec)) => sleep_command_millis(&exec.command).unwrap_or(0),
        (None, None) => 0,
    };
    millis.min(FOREVER_MILLIS)
}

/// Milliseconds of `sleep N`, or of a shell's `-c "sleep N"`; nothing else is guessed.
fn sleep_command_millis(command: &[String]) -> Option<i64> {
    let words: Vec<&str> = match command {
        [shell, flag, script] if flag == "-c" && shell.ends_with("sh") => script.split_whitespace().collect(),
        words => words.iter().map(String::as_str).collect(),
    };
    match words.as_slice() {
        ["sleep" | "/bin/sleep" | "/usr/bin/sleep", seconds] => {
            let seconds: f64 = seconds.strip_suffix('s').unwrap_or(seconds).parse().ok()?;
            Some((seconds.max(0.0) * 1000.0) as i64)
        }
        _ => None,
    }
}

/// Milliseconds of a Go duration such as `5s`, `1m30s` or `500ms`.
fn go_duration_millis(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|ch: char| !ch.is_ascii_digit() && ch != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let unit_end = tail.find(|ch: char| ch.is_ascii_digit()).unwrap_or(tail.len());
        total += number
            * match &tail[..unit_end] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1000.0,
                "ms" => 1.0,
                _ => return None,
            };
        rest = &tail[unit_end..];
    }
    Some((total as i64).min(FOREVER_MILLIS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &[&str]) -> Vec<String> {
        command.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn only_plain_sleeps_count() {
        assert_eq!(sleep_command_millis(&words(&["sleep", "15"])), Some(15_000));
        assert_eq!(sleep_command_millis(&words(&["/bin/sh", "-c", "sleep 15"])), Some(15_000));
        assert_eq!(sleep_command_millis(&words(&["sh", "-c", "nginx -s quit; sleep 15"])), None);
        assert_eq!(sleep_command_millis(&words(&["pilot-agent", "drain"])), None);
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(go_duration_millis("5s"), Some(5000));
        assert_eq!(go_duration_millis("1m30s"), Some(90_000));
        assert_eq!(go_duration_millis("500ms"), Some(500));
        assert_eq!(go_duration_millis("soon"), None);
        assert_eq!(go_duration_millis("5"), None);
    }
}
