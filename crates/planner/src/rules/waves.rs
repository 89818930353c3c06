//! The waves after the canary, in order of rising risk.

use std::collections::BTreeSet;

use meshlift_model::defaults::{CANARY_PODS_MAX, WAVE_SHARES_PERCENT, WAVE_UNDO_SECONDS_MAX};
use meshlift_model::plan::{Layer, Stage};

use super::draft::Draft;
use super::partition::{Load, WaveLimits, partition};
use super::wave_step;
use crate::safety::moves::Mover;
use crate::situation::Situation;
use crate::survey::{Site, names};

/// What a namespace's failure would touch. By what a snapshot tells: *stateful* holds a StatefulSet, a set that
/// is replaced by hand, or volumes; *shared* is named as a host by Istio configuration of another namespace;
/// all else is a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Leaf,
    Shared,
    Stateful,
}

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let canary: BTreeSet<&str> =
        super::canary::canary(draft).0.iter().map(|site| site.namespace.as_str()).collect();
    let order = &draft.situation.intent.order;
    let survey = draft.survey;
    let rest = survey.sites.values().filter(|site| !canary.contains(site.namespace.as_str()));
    let (failover, rest): (Vec<&Site>, Vec<&Site>) = rest.partition(|site| !site.failover.is_empty());
    let (last, rest): (Vec<&Site>, Vec<&Site>) =
        rest.into_iter().partition(|site| order.last.contains(&site.namespace));
    let (critical, mut rest): (Vec<&Site>, Vec<&Site>) =
        rest.into_iter().partition(|site| draft.situation.critical.contains(&site.namespace));
    let shared = shared(draft.situation);
    let first =
        |site: &Site| order.first.iter().position(|name| *name == site.namespace).unwrap_or(usize::MAX);
    let class = |site: &Site| class(draft.situation, &shared, site);
    rest.sort_by_key(|site| (first(site), class(site), site.pods(), &site.namespace));
    let before = draft.waves;
    shares(draft, &rest);
    for site in critical {
        let bake = draft.situation.limits.bake_seconds_slo_critical;
        wave(draft, &[site], "SLO-critical: last among the waves, alone, and watched longer", bake);
    }
    let mut last = last;
    last.sort_by_key(|site| order.last.iter().position(|name| *name == site.namespace));
    for site in last {
        let bake = draft.situation.limits.bake_seconds_wave;
        wave(draft, &[site], "the intent wants it last", bake);
    }
    for site in failover {
        wave(
            draft,
            &[site],
            "moves while its traffic is elsewhere",
            draft.situation.limits.bake_seconds_wave,
        );
    }
    format!("{} after the canary; order: leaf, shared, stateful, SLO-critical", draft.waves - before)
}

/// Waves by share of all pods that move; the canary had the first share.
fn shares(draft: &mut Draft<'_, '_>, sites: &[&Site]) {
    let pods_all: usize = draft.survey.sites.values().map(Site::pods).sum();
    let skipped = draft.waves.min(1);
    let limits = WaveLimits {
        shares_percent: WAVE_SHARES_PERCENT.get(skipped..).unwrap_or_default(),
        pods_min: CANARY_PODS_MAX,
        pods_max: draft.situation.limits.wave_pods_max,
        undo_seconds_max: WAVE_UNDO_SECONDS_MAX,
    };
    let loads: Vec<Load> = sites.iter().map(|site| load(draft.situation, site)).collect();
    let mut rest = sites;
    for taken in partition(&loads, pods_all, limits) {
        let (now, later) = rest.split_at(taken.min(rest.len()));
        rest = later;
        let why = "rising risk: leaf and stateless, then shared, then stateful; fewest pods first";
        wave(draft, now, why, draft.situation.limits.bake_seconds_wave);
    }
}

fn load(situation: &Situation<'_>, site: &Site) -> Load {
    let movers: Vec<&Mover> = site.movers.iter().collect();
    // Namespaces of a wave roll side by side; a share of its time is what each adds.
    let lanes = i64::try_from(situation.limits.concurrent_workloads_max).unwrap_or(1).max(1);
    let seconds: i64 = movers.iter().map(|mover| mover.seconds).sum();
    Load { pods: site.pods(), undo_seconds: (seconds / lanes).max(1) }
}

fn wave(draft: &mut Draft<'_, '_>, sites: &[&Site], why: &str, bake_seconds: i64) {
    draft.waves += 1;
    let spaces: Vec<&str> = sites.iter().map(|site| site.namespace.as_str()).collect();
    let title = format!("wave {}: {}", draft.waves, names(&spaces));
    let mut step = draft.step(format!("wave-{}", draft.waves), Stage::Wave, Layer::Sidecars, title);
    step.reason = why.to_owned();
    wave_step::fill(draft, &mut step, sites, bake_seconds);
    let failover: Vec<String> = sites.iter().flat_map(|site| site.failover.clone()).collect();
    if failover.is_empty() {
        draft.push(step);
        return;
    }
    step.person = Some(wave_step::failover(&step.id, &failover));
    draft.push_aside(step, spaces.into_iter().map(str::to_owned).collect());
}

fn class(situation: &Situation<'_>, shared: &BTreeSet<String>, site: &Site) -> Class {
    let stateful = |mover: &Mover| {
        let workload = mover.workload();
        let volumes = situation.template(workload).map(|template| template.spec.volumes.as_slice());
        let claims =
            volumes.unwrap_or_default().iter().any(|volume| volume.persistent_volume_claim.is_some());
        workload.kind == "StatefulSet" || workload.kind == "DaemonSet" || claims
    };
    if site.movers.iter().any(stateful) {
        return Class::Stateful;
    }
    if shared.contains(&site.namespace) { Class::Shared } else { Class::Leaf }
}

/// Namespaces that Istio configuration of another namespace names as `SERVICE.NAMESPACE[.svc…]`.
fn shared(situation: &Situation<'_>) -> BTreeSet<String> {
    let objects = &situation.mesh.snapshot.objects;
    let rules =
        objects.destination_rules.iter().map(|rule| (&rule.metadata.namespace, rule.spec.host.as_str()));
    let routes = objects.virtual_services.iter().flat_map(|service| {
        let http = service.spec.http.iter().flat_map(|route| &route.route);
        let tcp = service.spec.tcp.iter().chain(&service.spec.tls).flat_map(|route| &route.route);
        http.chain(tcp).map(|route| (&service.metadata.namespace, route.destination.host.as_str()))
    });
    let named = rules.chain(routes).filter_map(|(from, host)| Some((from, host.split('.').nth(1)?)));
    named
        .filter(|(from, namespace)| from.as_str() != *namespace)
        .map(|(_, namespace)| namespace.to_owned())
        .collect()
}
