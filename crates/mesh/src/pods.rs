//! Every pod: what it is, what it runs, what it would get.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Known, Pod, Resource, Shared};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};

use crate::bare::BarePod;
use crate::connection::{Connected, Connections};
use crate::facts::{Agreement, Injection, PodFacts, ProxyKind};
use crate::injector::Injectors;
use crate::proxy::{Carried, carried};
use crate::workloads::MADE_FOR_GATEWAY;

/// Annotation that istio-cni leaves on pods that ambient captured.
const REDIRECTION: &str = "ambient.istio.io/redirection";

/// What pods carry, and what injection would make of them, one after another: most are as the one before them.
pub(crate) struct Restarts<'a> {
    injectors: &'a Injectors<'a>,
    last: Option<(BarePod<'a>, Shared<Injection>)>,
    known: Known<Injection>,
    carried: Option<(&'a Pod, Option<Carried>)>,
}

impl<'a> Restarts<'a> {
    pub(crate) fn new(injectors: &'a Injectors<'a>) -> Self {
        Self { injectors, last: None, known: Known::default(), carried: None }
    }

    fn of(&mut self, pod: &'a Pod) -> Shared<Injection> {
        let bare = BarePod::of_pod(pod);
        if let Some((_, injection)) = self.last.as_ref().filter(|(last, _)| last.asks_alike(&bare)) {
            return injection.clone();
        }
        let mut injection = self.injectors.inject(&bare).into();
        self.known.join(&mut injection);
        self.last = Some((bare, injection.clone()));
        injection
    }

    fn carried(&mut self, pod: &'a Pod) -> Option<Carried> {
        if let Some((_, same)) = self.carried.as_ref().filter(|(last, _)| looks_alike(last, pod)) {
            return same.clone();
        }
        let carried = carried(pod);
        self.carried = Some((pod, carried.clone()));
        carried
    }
}

/// True if all that tells what a pod carries is one and the same in both.
fn looks_alike(one: &Pod, other: &Pod) -> bool {
    one.metadata.labels.is_one_with(&other.metadata.labels)
        && one.metadata.annotations.is_one_with(&other.metadata.annotations)
        && one.spec.containers.is_one_with(&other.spec.containers)
        && one.spec.init_containers.is_one_with(&other.spec.init_containers)
}

/// Facts of one pod.
pub(crate) fn facts<'a>(
    pod: &'a Pod,
    workload: ObjectRef,
    restarts: &mut Restarts<'a>,
    connections: &Connections<'_>,
    versions: &BTreeMap<RevisionName, Option<IstioVersion>>,
) -> PodFacts {
    let connected = connections.of(pod);
    let carried = restarts.carried(pod);
    let on_restart = match carried.as_ref().map(|carried| carried.kind) {
        Some(ProxyKind::ManagedGateway | ProxyKind::Waypoint) => {
            Injection::nothing(MADE_FOR_GATEWAY.to_owned()).into()
        }
        Some(ProxyKind::Native | ProxyKind::Classic | ProxyKind::Gateway | ProxyKind::Ztunnel) | None => {
            restarts.of(pod)
        }
    };
    let agreement = match &carried {
        Some(carried) => agreement(pod, carried, &connected, versions),
        None => Agreement::None,
    };
    let has_proxy = carried.is_some();
    let (proxy, revision, status_revision, image_version) = match carried {
        Some(c) => (Some(c.kind), c.revision, c.status_revision, c.image_version),
        None => (None, None, None, None),
    };
    PodFacts {
        pod: pod.object_ref(),
        workload,
        finished: pod.is_finished(),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        ready: pod.is_ready(),
        proxy,
        revision,
        status_revision,
        image_version,
        connected_to: connected.revisions.first().filter(|_| has_proxy).cloned(),
        connection_known: connected.known,
        synced: connected.synced,
        nack: connected.nack,
        agreement,
        on_restart,
        redirection: pod.metadata.annotation(REDIRECTION).map(str::to_owned),
    }
}

/// The sides of one pod together: annotation, status, image, connection.
fn agreement(
    pod: &Pod,
    carried: &Carried,
    connected: &Connected,
    versions: &BTreeMap<RevisionName, Option<IstioVersion>>,
) -> Agreement {
    let disagree = |how: String| Agreement::Disagree { how };
    let Some(revision) = carried.revision.clone().or_else(|| carried.status_revision.clone()) else {
        return disagree("it has a proxy, but neither annotation names its revision".to_owned());
    };
    if let Some(status) = carried.status_revision.as_ref().filter(|status| **status != revision) {
        return disagree(format!("annotation istio.io/rev says {revision}, its status says {status}"));
    }
    let unread = |what: String| Agreement::Unread { revision: revision.clone(), what };
    if let (Some(image), Some(Some(version))) = (&carried.image_version, versions.get(&revision))
        && image != version
        // ztunnel is one per cluster: its annotation names whom it asks, not what it is.
        && carried.kind != ProxyKind::Ztunnel
    {
        return disagree(format!("annotation says {revision} ({version}), its image is {image}"));
    }
    if let Some(other) = connected.revisions.iter().find(|other| **other != revision) {
        return disagree(format!("annotation says {revision}, it is connected to {other}"));
    }
    if pod.is_finished() {
        return unread("it has finished: nothing is connected".to_owned());
    }
    if connected.revisions.is_empty() {
        return if !connected.known {
            unread("whether it is connected was not read".to_owned())
        } else if pod.is_ready() && pod.metadata.deletion_timestamp.is_none() {
            disagree(format!("annotation says {revision}, but it is connected to no istiod"))
        } else {
            unread("it is not ready, and connected to no istiod".to_owned())
        };
    }
    match (&carried.image_version, versions.get(&revision)) {
        (_, None) => disagree(format!("annotation says {revision}, which has no istiod")),
        (None, Some(_)) => unread("its image names no version".to_owned()),
        (Some(_), Some(None)) => unread(format!("the version of {revision}")),
        (Some(_), Some(Some(_))) => Agreement::Agreed { revision },
    }
}
