//! One field of one workload, flipped.

use meshlift_model::k8s::{
    Container, DaemonSet, Deployment, ExecAction, IntOrString, Lifecycle, LifecycleHandler, Objects, Pod,
    PodSpec, Probe, Resource, ResourceQuota, RollingUpdate, SleepAction, StatefulSet, StringMap,
};
use meshlift_model::names::ObjectRef;

use crate::driver::ROOM;
use crate::random::Random;

const PROXY: &str = "istio-proxy";
const PROXY_CONFIG: &str = "proxy.istio.io/config";
/// Name of the quota that a flip adds.
pub(crate) const FLIPPED_QUOTA: &str = "flipped";
const NATIVE: &str = "sidecar.istio.io/nativeSidecar";
/// Limits of a rolling update, as people write them.
const AMOUNTS: [&str; 7] = ["0", "1", "2", "25%", "34%", "50%", "100%"];

/// What is flipped, to which value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Flip {
    Surge(&'static str),
    Unavailable(&'static str),
    Replicas(i32),
    /// When the first try is made, and the next ones; none at all.
    Probe(Option<(i32, i32)>),
    /// A startup probe in the place of a readiness probe.
    StartupProbe(i32),
    PreStop(Hook),
    Grace(i64),
    Strategy(Strategy),
    MinReady(i32),
    /// Pods of a quota: what is used, and so many more.
    Quota(&'static str, i64),
    Native(bool),
    /// `proxy.istio.io/config`.
    Config(&'static str),
    /// The proxy's own preStop sleep, in seconds.
    ProxyHook(i64),
}

/// A preStop hook.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hook {
    Absent,
    Sleep(i64),
    Shell(&'static str),
    Unknown,
}

/// A strategy that a workload's kind has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Strategy {
    Rolling,
    Recreate,
    OnDelete,
    Partition(i32),
    /// StatefulSet and DaemonSet: pods that may be missing.
    Missing(i32),
    /// DaemonSet: pods on top.
    OnTop(i32),
}

/// A flip of any field that the kind has.
pub(crate) fn draw(kind: &str, random: &mut Random) -> Flip {
    let common: [fn(&mut Random) -> Flip; 8] = [probe, probe, hook, hook, grace, grace, quota, proxy];
    let deployment: [fn(&mut Random) -> Flip; 6] = [
        |random| Flip::Unavailable(random.pick(&AMOUNTS)),
        |random| Flip::Surge(random.pick(&AMOUNTS)),
        |random| Flip::Unavailable(random.pick(&AMOUNTS)),
        replicas,
        |random| Flip::Strategy(random.pick(&[Strategy::Rolling, Strategy::Recreate])),
        min_ready,
    ];
    let own: &[fn(&mut Random) -> Flip] = match kind {
        Deployment::KIND => &deployment,
        StatefulSet::KIND => &[replicas, set_strategy, min_ready],
        DaemonSet::KIND => &[daemon_strategy, daemon_strategy, min_ready],
        _ => &[],
    };
    let fields: Vec<_> = common.iter().chain(own).collect();
    random.pick(&fields)(random)
}

fn replicas(random: &mut Random) -> Flip {
    Flip::Replicas(random.pick(&[0, 1, 1, 1, 2, 3, 5, 9]))
}

fn min_ready(random: &mut Random) -> Flip {
    Flip::MinReady(random.pick(&[0, 1, 4, 10, 40, 60]))
}

fn set_strategy(random: &mut Random) -> Flip {
    let all = [
        Strategy::Rolling,
        Strategy::OnDelete,
        Strategy::Partition(1),
        Strategy::Partition(2),
        Strategy::Missing(2),
        Strategy::Missing(3),
        Strategy::Recreate,
    ];
    Flip::Strategy(random.pick(&all))
}

fn daemon_strategy(random: &mut Random) -> Flip {
    let all = [
        Strategy::OnDelete,
        Strategy::Missing(1),
        Strategy::Missing(2),
        Strategy::OnTop(1),
        Strategy::OnTop(2),
    ];
    Flip::Strategy(random.pick(&all))
}

fn probe(random: &mut Random) -> Flip {
    let timing = [None, None, Some((0, 1)), Some((0, 10)), Some((5, 3)), Some((40, 10))];
    match random.pick(&[0, 1, 1, 1]) {
        0 => Flip::StartupProbe(random.pick(&[1, 10])),
        _ => Flip::Probe(random.pick(&timing)),
    }
}

fn hook(random: &mut Random) -> Flip {
    // None within 0.1 s of a client's lag, where figures of a few milliseconds would decide.
    let shells = ["sleep 2", "sleep 8", "sleep 20s"];
    Flip::PreStop(match random.pick(&[0, 1, 2, 2, 2, 3]) {
        0 => Hook::Absent,
        1 => Hook::Unknown,
        2 => Hook::Sleep(random.pick(&[1, 4, 5, 13, 15, 30, 60])),
        _ => Hook::Shell(random.pick(&shells)),
    })
}

fn grace(random: &mut Random) -> Flip {
    Flip::Grace(random.pick(&[0, 0, 1, 2, 6, 12, 20, 60, 120, 400]))
}

fn quota(random: &mut Random) -> Flip {
    Flip::Quota(random.pick(&["pods", "count/pods"]), random.pick(&[-1, 0, 0, 1, 2]))
}

fn proxy(random: &mut Random) -> Flip {
    let configs = [
        "terminationDrainDuration: 1s",
        "terminationDrainDuration: 15s",
        "terminationDrainDuration: 1m",
        "terminationDrainDuration: 320s",
        "drainDuration: 2s",
        "{drainDuration: 6s, terminationDrainDuration: 1m}",
        "{drainDuration: 320s, terminationDrainDuration: 320s}",
        "proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}",
        "proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true', MINIMUM_DRAIN_DURATION: 20s}",
        "{drainDuration: 400s, proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}}",
    ];
    match random.pick(&[0, 1, 1, 2]) {
        0 => Flip::Native(random.pick(&[true, false, false])),
        1 => Flip::Config(random.pick(&configs)),
        _ => Flip::ProxyHook(random.pick(&[5, 20, 60])),
    }
}

/// Flips the field; false where it has that value already, or may not have it.
pub(crate) fn apply(flip: &Flip, workload: &ObjectRef, objects: &mut Objects) -> bool {
    if let Flip::Quota(resource, _) = flip {
        add_quota(objects, &workload.namespace, resource);
        return true;
    }
    match workload.kind.as_str() {
        Deployment::KIND => change(objects, workload, |one: &mut Deployment| {
            template(flip, &mut one.spec.template.metadata.annotations, &mut one.spec.template.spec);
            deployment(flip, one);
        }),
        StatefulSet::KIND => change(objects, workload, |one: &mut StatefulSet| {
            template(flip, &mut one.spec.template.metadata.annotations, &mut one.spec.template.spec);
            stateful_set(flip, one);
        }),
        DaemonSet::KIND => change(objects, workload, |one: &mut DaemonSet| {
            template(flip, &mut one.spec.template.metadata.annotations, &mut one.spec.template.spec);
            daemon_set(flip, one);
        }),
        _ => change(objects, workload, |pod: &mut Pod| {
            // What injection made of it would come back with it.
            *pod = meshlift_twin::admission::injector::strip(pod);
            template(flip, &mut pod.metadata.annotations, &mut pod.spec);
        }),
    }
}

/// Flips the field of a pod that runs already.
pub(crate) fn apply_to_pod(flip: &Flip, pod: &ObjectRef, objects: &mut Objects) {
    change(objects, pod, |pod: &mut Pod| template(flip, &mut pod.metadata.annotations, &mut pod.spec));
}

fn change<R: Resource + Clone + PartialEq>(
    objects: &mut Objects,
    workload: &ObjectRef,
    flip: impl FnOnce(&mut R),
) -> bool {
    let found = R::list_mut(objects).iter_mut().find(|one| one.object_ref() == *workload);
    let one = found.unwrap_or_else(|| panic!("{workload} is not there"));
    let before = one.clone();
    flip(one);
    *one != before
}

fn deployment(flip: &Flip, one: &mut Deployment) {
    let rolling = |one: &mut Deployment| one.spec.strategy.type_ != "Recreate";
    match flip {
        Flip::Surge(amount) if rolling(one) => {
            let limits = one.spec.strategy.rolling_update.get_or_insert_default();
            if *amount != "0" || limits.max_unavailable != Some(IntOrString::Int(0)) {
                limits.max_surge = Some(count(amount));
            }
        }
        Flip::Unavailable(amount) if rolling(one) => {
            let limits = one.spec.strategy.rolling_update.get_or_insert_default();
            if *amount != "0" || limits.max_surge != Some(IntOrString::Int(0)) {
                limits.max_unavailable = Some(count(amount));
            }
        }
        Flip::Replicas(replicas) => one.spec.replicas = Some(*replicas),
        Flip::MinReady(seconds) => one.spec.min_ready_seconds = *seconds,
        Flip::Strategy(Strategy::Recreate) => {
            one.spec.strategy.type_ = "Recreate".to_owned();
            one.spec.strategy.rolling_update = None;
        }
        Flip::Strategy(_) => one.spec.strategy.type_ = "RollingUpdate".to_owned(),
        _ => {}
    }
}

fn stateful_set(flip: &Flip, one: &mut StatefulSet) {
    let strategy = &mut one.spec.update_strategy;
    match flip {
        Flip::Replicas(replicas) => one.spec.replicas = Some(*replicas),
        Flip::MinReady(seconds) => one.spec.min_ready_seconds = *seconds,
        Flip::Strategy(Strategy::OnDelete) => {
            (strategy.type_, strategy.rolling_update) = ("OnDelete".to_owned(), None);
        }
        Flip::Strategy(Strategy::Recreate) => {
            (strategy.type_, strategy.rolling_update) = ("Recreate".to_owned(), None);
        }
        Flip::Strategy(Strategy::Partition(partition)) => {
            strategy.type_ = "RollingUpdate".to_owned();
            strategy.rolling_update =
                Some(RollingUpdate { partition: Some(*partition), ..RollingUpdate::default() });
        }
        Flip::Strategy(Strategy::Missing(count)) => {
            let missing = Some(IntOrString::Int(*count));
            strategy.type_ = "RollingUpdate".to_owned();
            strategy.rolling_update =
                Some(RollingUpdate { max_unavailable: missing, ..RollingUpdate::default() });
        }
        Flip::Strategy(_) => {
            (strategy.type_, strategy.rolling_update) = ("RollingUpdate".to_owned(), None);
        }
        _ => {}
    }
}

fn daemon_set(flip: &Flip, one: &mut DaemonSet) {
    let strategy = &mut one.spec.update_strategy;
    let mut limits = |unavailable: i32, surge: i32| {
        strategy.type_ = "RollingUpdate".to_owned();
        strategy.rolling_update = Some(RollingUpdate {
            max_unavailable: Some(IntOrString::Int(unavailable)),
            max_surge: Some(IntOrString::Int(surge)),
            partition: None,
        });
    };
    match flip {
        Flip::MinReady(seconds) => one.spec.min_ready_seconds = *seconds,
        Flip::Strategy(Strategy::Missing(count)) => limits(*count, 0),
        Flip::Strategy(Strategy::OnTop(count)) => limits(0, *count),
        Flip::Strategy(_) => (strategy.type_, strategy.rolling_update) = ("OnDelete".to_owned(), None),
        _ => {}
    }
}

/// Flips what the pods of a workload carry.
fn template(flip: &Flip, annotations: &mut StringMap, spec: &mut PodSpec) {
    match flip {
        Flip::Grace(seconds) => spec.termination_grace_period_seconds = Some(*seconds),
        Flip::Native(native) if spec.containers.iter().all(|one| one.name != PROXY) => {
            annotations.insert(NATIVE.to_owned(), native.to_string());
        }
        Flip::Config(config) => {
            annotations.insert(PROXY_CONFIG.to_owned(), (*config).to_owned());
        }
        Flip::ProxyHook(seconds) => {
            let proxy = match spec.containers.iter().position(|one| one.name == PROXY) {
                Some(index) => &mut spec.containers[index],
                None => {
                    let own = Container {
                        name: PROXY.to_owned(),
                        image: "auto".to_owned(),
                        ..Container::default()
                    };
                    spec.containers.push(own);
                    spec.containers.last_mut().unwrap()
                }
            };
            proxy.lifecycle = lifecycle(Hook::Sleep(*seconds));
        }
        Flip::PreStop(hook) => apps(spec).for_each(|app| app.lifecycle = lifecycle(*hook)),
        Flip::Probe(timing) => apps(spec).for_each(|app| {
            app.startup_probe = None;
            app.readiness_probe = timing.map(|timing| timed(app.readiness_probe.take(), timing));
        }),
        Flip::StartupProbe(period) => apps(spec).for_each(|app| {
            app.startup_probe = Some(timed(app.readiness_probe.take(), (0, *period)));
        }),
        _ => {}
    }
}

fn apps(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    spec.containers.iter_mut().filter(|container| container.name != PROXY)
}

fn timed(probe: Option<Box<Probe>>, (initial, period): (i32, i32)) -> Box<Probe> {
    let exec = Some(ExecAction { command: vec!["true".to_owned()] });
    let probe = probe.map_or_else(|| Probe { exec, ..Probe::default() }, |probe| *probe);
    Box::new(Probe { initial_delay_seconds: initial, period_seconds: period, ..probe })
}

fn lifecycle(hook: Hook) -> Option<Box<Lifecycle>> {
    let exec = |command: &[&str]| LifecycleHandler {
        exec: Some(ExecAction { command: command.iter().map(|word| (*word).to_owned()).collect() }),
        ..LifecycleHandler::default()
    };
    let pre_stop = match hook {
        Hook::Absent => return None,
        Hook::Sleep(seconds) => {
            LifecycleHandler { sleep: Some(SleepAction { seconds }), ..LifecycleHandler::default() }
        }
        Hook::Shell(script) => exec(&["sh", "-c", script]),
        Hook::Unknown => exec(&["/app/drain"]),
    };
    Some(Box::new(Lifecycle { pre_stop: Some(pre_stop), post_start: None }))
}

fn count(amount: &str) -> IntOrString {
    amount.parse().map_or_else(|_| IntOrString::String(amount.to_owned()), IntOrString::Int)
}

/// A quota with room for everything; its limit is written once it is known what is used.
fn add_quota(objects: &mut Objects, namespace: &str, resource: &str) {
    let mut quota = ResourceQuota::default();
    quota.metadata.name = FLIPPED_QUOTA.to_owned();
    quota.metadata.namespace = namespace.into();
    quota.metadata.uid = FLIPPED_QUOTA.to_owned();
    quota.spec.hard.insert(resource.to_owned(), ROOM.to_owned());
    objects.resource_quotas.push(quota);
}
