//! ML6xxx: ambient and node agents.

use meshlift_model::k8s::{DaemonSet, ObjectMeta, ServiceEntry, ServiceEntrySpec, StatefulSet};
use meshlift_model::snapshot::Snapshot;

use super::Base::Ambient;
use super::changes_ambient::setting;
use super::{Mutation, nothing};
use crate::edit::object;

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML6001", Ambient, "StatefulSet/streams/broker"),
            |s, _| grace(s, 600),
            |s, _| grace(s, 45),
        ),
        Mutation::new(
            ("ML6002", Ambient, "Namespace/mixed"),
            |s, donor| lend(s, donor, true),
            |s, donor| lend(s, donor, false),
        )
        .also(&["ML1040"]),
        Mutation::new(
            ("ML4102", Ambient, "Namespace/streams"),
            |s, _| setting(s, "EXCLUDE_NAMESPACES", "kube-system, streams"),
            |s, _| setting(s, "EXCLUDE_NAMESPACES", "kube-system, stream"),
        ),
        Mutation::new(
            ("ML4105", Ambient, "ServiceEntry/streams/feed"),
            |s, _| {
                super::all_run(s, "1.27.9");
                entry(s, "NONE");
            },
            |s, _| {
                super::all_run(s, "1.27.9");
                entry(s, "DNS");
            },
        )
        .also(&["ML5011"])
        .targets("1.28.10", "1.28.10"),
        Mutation::new(
            ("ML6007", Ambient, "DaemonSet/istio-system/ztunnel"),
            |s, _| applied(s, "mesh", "0"),
            |s, _| applied(s, "mesh", "1"),
        ),
        Mutation::new(
            ("ML6007", Ambient, "DaemonSet/istio-system/ztunnel"),
            |s, _| applied(s, "mesh", "-1"),
            |s, _| applied(s, "ztunnel", "-1"),
        ),
        Mutation::new(("ML6003", Ambient, "DaemonSet/istio-system/ztunnel"), nothing, nothing)
            .targets("1.29.6", super::TARGET)
            .also(&["ML1040", "ML4172"]),
    ]
}

/// Argo CD applies istio-cni, and ztunnel by this application and in this wave.
fn applied(s: &mut Snapshot, application: &str, wave: &str) {
    for (path, application, wave) in
        [("istio-system/istio-cni-node", "mesh", "0"), ("istio-system/ztunnel", application, wave)]
    {
        let annotations = &mut object::<DaemonSet>(s, path).metadata.annotations;
        let id = format!("{application}:apps/DaemonSet:{path}");
        annotations.insert("argocd.argoproj.io/tracking-id".into(), id);
        annotations.insert("argocd.argoproj.io/sync-wave".into(), wave.into());
    }
}

fn entry(s: &mut Snapshot, resolution: &str) {
    let metadata = ObjectMeta { namespace: "streams".into(), name: "feed".into(), ..ObjectMeta::default() };
    let spec = ServiceEntrySpec {
        hosts: vec!["feed.example.com".into()],
        resolution: resolution.into(),
        ..ServiceEntrySpec::default()
    };
    s.objects.service_entries.push(ServiceEntry { metadata, spec });
}

fn grace(s: &mut Snapshot, seconds: i64) {
    let set: &mut StatefulSet = object(s, "streams/broker");
    set.spec.template.spec.termination_grace_period_seconds = Some(seconds);
}

/// The namespace whose pods have sidecars, with them or without any pod.
fn lend(s: &mut Snapshot, donor: &Snapshot, pods: bool) {
    let (here, from) = (&mut s.objects, &donor.objects);
    macro_rules! lend {
        ($($list:ident),*) => { $(
            here.$list.extend(from.$list.iter().filter(|one| one.metadata.namespace == "mixed").cloned());
        )* };
    }
    here.namespaces.extend(from.namespaces.iter().filter(|one| one.metadata.name == "mixed").cloned());
    lend!(services, config_maps);
    if pods {
        lend!(pods, deployments, replica_sets, endpoint_slices);
        for (istiod, answers) in &mut s.istiods {
            let lent =
                donor.istiods.get(istiod).and_then(|answers| answers.syncz.as_ref()).into_iter().flatten();
            let lent = lent.filter(|status| status.pod().is_some_and(|(_, namespace)| namespace == "mixed"));
            answers.syncz.iter_mut().for_each(|proxies| proxies.extend(lent.clone().cloned()));
        }
    }
}
