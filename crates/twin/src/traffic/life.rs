//! How a pod starts and stops, in milliseconds, as far as its spec and the corner tell
//! (`docs/reference/traffic-model.md`, "Start" and "Stop").

use std::collections::BTreeMap;

use meshlift_model::defaults::FOREVER_SECONDS;
use meshlift_model::k8s::{Container, Lifecycle, Pod, Probe};
use meshlift_model::traffic_constants as numbers;

use super::corner::{App, Corner};
use crate::admission::injector::{PROXY, is_native, proxy_of};

/// Makes a proxy wait for the end of its connections.
const EXIT_ON_ZERO: &str = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";
/// Words of a shell that sleeps: `sh -c "sleep N"`.
const SHELLS: [&str; 6] = ["sh", "/bin/sh", "bash", "/bin/bash", "ash", "/bin/ash"];

/// How a pod's proxy stands to its app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// None at all.
    Absent,
    /// A native sidecar: starts before the app, ends after it.
    Native,
    /// A classic sidecar: starts and stops beside the app.
    Classic,
    /// The proxy is all there is: a gateway.
    Alone,
}

/// When a starting pod does what, after its containers run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The proxy takes connections; 0 without a proxy.
    pub proxy_millis: i64,
    /// App containers listen, by name.
    pub listens_millis: BTreeMap<String, i64>,
    /// The pod is Ready.
    pub ready_millis: i64,
}

/// When a stopping pod does what, after its deletion was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// App containers no longer listen, by name.
    pub closes_millis: BTreeMap<String, i64>,
    /// The proxy no longer takes connections; absent without a proxy.
    pub proxy_closes_millis: Option<i64>,
    /// Whatever is in flight is cut.
    pub cuts_millis: i64,
    /// All containers are gone.
    pub ended_millis: i64,
}

/// Which of the four it is.
#[must_use]
pub fn proxy_kind(pod: &Pod) -> ProxyKind {
    match proxy_of(pod) {
        None => ProxyKind::Absent,
        Some(_) if is_native(pod) => ProxyKind::Native,
        Some(_) if pod.spec.containers.len() == 1 => ProxyKind::Alone,
        Some(_) => ProxyKind::Classic,
    }
}

/// App containers: all but the proxy.
pub fn apps(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.containers.iter().filter(|container| container.name != PROXY)
}

/// The start of a pod.
#[must_use]
pub fn birth(pod: &Pod, corner: Corner) -> Birth {
    let kind = proxy_kind(pod);
    let proxy = if kind == ProxyKind::Absent { 0 } else { corner.proxy_ready_millis() };
    let apps_start = if kind == ProxyKind::Native { proxy } else { 0 };
    let listens = corner.app_listens_millis();
    let ready =
        apps(pod).map(|app| apps_start + probe_of(app).map_or(0, |probe| first_success(probe, listens)));
    Birth {
        proxy_millis: proxy,
        ready_millis: ready.max().unwrap_or(0).max(proxy),
        listens_millis: apps(pod).map(|app| (app.name.clone(), apps_start + listens)).collect(),
    }
}

/// The probe that says when a container has started.
#[must_use]
pub fn probe_of(container: &Container) -> Option<&Probe> {
    container.readiness_probe.as_deref().or(container.startup_probe.as_deref())
}

/// From the container's start to the first try of its probe at which it listens.
fn first_success(probe: &Probe, listens: i64) -> i64 {
    let mut at = i64::from(probe.initial_delay_seconds.max(0)) * 1000;
    let period = if probe.period_seconds > 0 {
        i64::from(probe.period_seconds)
    } else {
        numbers::PROBE_PERIOD_SECONDS
    };
    while at < listens {
        at += period * 1000;
    }
    at
}

/// The end of a pod. With `EXIT_ON_ZERO_ACTIVE_CONNECTIONS` a proxy stays until its clients, who know after
/// `known_millis`, have their answers; a gateway whose clients hold no connections ends at its first quiet moment.
#[must_use]
pub fn death(pod: &Pod, corner: Corner, known_millis: i64) -> Death {
    let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or_else(|| pod.spec.grace_seconds());
    let grace = seconds.clamp(0, FOREVER_SECONDS) * 1000;
    let mut closes_millis = BTreeMap::new();
    let mut apps_end = 0;
    for app in apps(pod) {
        let told = sleep_millis(app.lifecycle.as_deref()).min(grace);
        let (closes, ends) = match corner.app {
            App::Kind => (grace, grace),
            App::Abrupt => (told, (told + numbers::LONG_REQUEST_MILLIS).min(grace)),
        };
        closes_millis.insert(app.name.clone(), closes);
        apps_end = apps_end.max(ends);
    }
    let drains = |proxy: &Container| proxy_exit_millis(proxy, known_millis).min(grace);
    let (proxy_closes_millis, cuts_millis, ended_millis) = match (proxy_kind(pod), proxy_of(pod)) {
        (ProxyKind::Absent, _) | (_, None) => (None, apps_end, apps_end),
        (ProxyKind::Native, Some(_)) => (Some(apps_end), apps_end, apps_end),
        (ProxyKind::Classic, Some(proxy)) => {
            let exit = drains(proxy);
            (Some(exit.min(listeners_close_millis(proxy))), exit.min(apps_end), exit.max(apps_end))
        }
        (ProxyKind::Alone, Some(proxy)) if corner.app == App::Abrupt && waits_for_idle(proxy) => {
            let quiet = least_millis(proxy).min(grace);
            let ended = (quiet + numbers::LONG_REQUEST_MILLIS).min(grace);
            (Some(quiet.min(listeners_close_millis(proxy))), ended, ended)
        }
        (ProxyKind::Alone, Some(proxy)) => {
            let exit = drains(proxy);
            (Some(exit.min(listeners_close_millis(proxy))), exit, exit)
        }
    };
    Death { closes_millis, proxy_closes_millis, cuts_millis, ended_millis }
}

/// From the deletion to the exit of a proxy that gets its own SIGTERM.
fn proxy_exit_millis(proxy: &Container, known_millis: i64) -> i64 {
    let idle = if waits_for_idle(proxy) { known_millis + numbers::LONG_REQUEST_MILLIS } else { 0 };
    least_millis(proxy).max(idle)
}

/// From the deletion to the earliest exit of such a proxy.
fn least_millis(proxy: &Container) -> i64 {
    let drain = if waits_for_idle(proxy) {
        let least = proxy.env_value("MINIMUM_DRAIN_DURATION").and_then(duration_millis);
        least.unwrap_or(numbers::MINIMUM_DRAIN_MILLIS)
    } else {
        let seconds =
            proxy.env_value("TERMINATION_DRAIN_DURATION_SECONDS").and_then(|text| text.parse::<i64>().ok());
        seconds
            .map(|seconds| seconds.saturating_mul(1000))
            .or_else(|| config_millis(proxy, "terminationDrainDuration"))
            .unwrap_or(numbers::TERMINATION_DRAIN_MILLIS)
    };
    sleep_millis(proxy.lifecycle.as_deref()) + drain
}

/// From the deletion to the close of the listeners of such a proxy: it lives on without them.
fn listeners_close_millis(proxy: &Container) -> i64 {
    let drain = config_millis(proxy, "drainDuration").unwrap_or(numbers::DRAIN_MILLIS);
    sleep_millis(proxy.lifecycle.as_deref()).saturating_add(drain)
}

fn waits_for_idle(proxy: &Container) -> bool {
    let in_config = || config(proxy)?.get("proxyMetadata")?.get(EXIT_ON_ZERO).cloned();
    proxy.env_value(EXIT_ON_ZERO) == Some("true") || in_config().is_some_and(|set| set == "true")
}

fn config(proxy: &Container) -> Option<serde_json::Value> {
    serde_json::from_str(proxy.env_value("PROXY_CONFIG")?).ok()
}

fn config_millis(proxy: &Container, field: &str) -> Option<i64> {
    duration_millis(config(proxy)?.get(field)?.as_str()?)
}

/// Durations such as `5s`, `1.5s`, `200ms`, `1m30s`.
fn duration_millis(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, millis) = [("ms", 1.0), ("s", 1000.0), ("m", 60_000.0), ("h", 3_600_000.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        sum += number * millis;
    }
    Some(sum as i64)
}

/// How long a preStop hook sleeps; anything but a sleep counts nothing.
fn sleep_millis(lifecycle: Option<&Lifecycle>) -> i64 {
    let Some(hook) = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref()) else { return 0 };
    if let Some(sleep) = &hook.sleep {
        return sleep.seconds.max(0).saturating_mul(1000);
    }
    let words: Vec<&str> =
        hook.exec.iter().flat_map(|exec| &exec.command).flat_map(|word| word.split_whitespace()).collect();
    let words = match words.as_slice() {
        [shell, "-c", rest @ ..] if SHELLS.contains(shell) => rest,
        words => words,
    };
    match words {
        ["sleep" | "/bin/sleep", seconds] => {
            let seconds = seconds.strip_suffix('s').unwrap_or(seconds);
            seconds.parse::<f64>().map_or(0, |seconds| (seconds.max(0.0) * 1000.0) as i64)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{ExecAction, LifecycleHandler};

    use super::*;

    fn hook(command: &[&str]) -> Lifecycle {
        let exec = ExecAction { command: command.iter().map(|word| (*word).to_owned()).collect() };
        Lifecycle {
            pre_stop: Some(LifecycleHandler { exec: Some(exec), ..Default::default() }),
            post_start: None,
        }
    }

    #[test]
    fn only_a_plain_sleep_counts() {
        for (command, millis) in [
            (vec!["sleep", "15"], 15_000),
            (vec!["/bin/sh", "-c", "sleep 20"], 20_000),
            (vec!["sh", "-c", "sleep", "1.5"], 1500),
            (vec!["/app/drain"], 0),
            (vec!["sh", "-c", "sleep 5 && /app/drain"], 0),
        ] {
            assert_eq!(sleep_millis(Some(&hook(&command))), millis, "{command:?}");
        }
    }

    #[test]
    fn durations_are_those_of_go() {
        assert_eq!(duration_millis("5s"), Some(5000));
        assert_eq!(duration_millis("1m30s"), Some(90_000));
        assert_eq!(duration_millis("200ms"), Some(200));
        assert_eq!(duration_millis("5"), None);
    }

    #[test]
    fn a_probe_is_tried_until_the_app_listens() {
        let probe = Probe { initial_delay_seconds: 5, period_seconds: 10, ..Probe::default() };
        assert_eq!(first_success(&probe, 2000), 5000);
        assert_eq!(first_success(&probe, 30_000), 35_000);
        assert_eq!(first_success(&Probe::default(), 2000), 10_000);
    }
}
