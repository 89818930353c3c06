//! ML5021: machines outside Kubernetes.

use std::collections::BTreeMap;

use meshlift_mesh::facts::Revision;
use meshlift_mesh::{by_namespace, is_remote};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Pod, Resource, StatefulSet, WorkloadEntry};
use meshlift_model::names::{IstioVersion, ObjectRef};
use meshlift_model::snapshot::ProxyStatus;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Annotation of entries that machines made by registering: the group's name.
const GROUP: &str = "istio.io/autoRegistrationGroup";
/// Letters that Kubernetes makes names of (k8s.io/apimachinery, util/rand).
const RANDOM: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Characters at the end of a pod's name.
const SUFFIX: usize = 5;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5021",
        layer: Layer::Sidecars,
        versions: Versions::Any,
        title: "A machine outside Kubernetes runs a proxy",
        severity: Severity::Info,
        consequence: Consequence::NotReached,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade the istio-sidecar package on it by hand, before its istiod is removed",
        why: "A proxy is connected to istiod that is no pod of this cluster: a virtual machine. No restart of a \
              workload, no label and no tag moves it: it keeps its version until somebody installs another package, \
              and it calls the istiod that its own files name (an address of a gateway to istiod as a rule). When \
              that istiod is removed, the machine gets no certificate and no configuration any more, while \
              everything looks well for hours. More than one minor version behind is not supported.",
        see: "`istioctl proxy-status --revision REV`: names that `kubectl get pods -A` does not have; `kubectl get \
              workloadentry,workloadgroup -A`. On the machine: `systemctl status istio`, `dpkg -s istio-sidecar`.",
        fix: "Before the old istiod goes: take the machine out of traffic, install the istio-sidecar package of the \
              target (deb or rpm), see that discoveryAddress in its mesh.yaml and the line for istiod in its \
              /etc/hosts lead to the new revision, and `systemctl restart istio`. Rules of the former version may stay \
              and break DNS: compare `iptables-save` before and after, or boot the machine anew.",
        sources: &[
            "https://istio.io/latest/docs/setup/install/virtual-machine/",
            "https://github.com/istio/istio/issues/54448",
            "https://github.com/istio/istio/issues/56305",
            "https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew",
        ],
    },
    needs: &[
        WORKLOADS,
        &["istiod/syncz", "workloadentries.networking.istio.io", "workloadgroups.networking.istio.io"],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let has_others = context.objects().secrets.iter().any(is_remote);
    let is_known = context.missing("secrets").is_none();
    let entries = by_namespace(&context.objects().workload_entries);
    let machines = machines(context).into_iter();
    machines
        .filter_map(|(name, machine)| {
            let entry = entry(entries.get(name.1).map_or(&[], Vec::as_slice), name.0, &machine);
            let hit = hit(context, name, &machine, entry)?;
            // What has an entry is a machine; anything else may be a pod of another cluster.
            match (entry.is_some(), has_others, is_known) {
                (true, _, _) | (false, false, true) => Some(hit),
                (false, false, false) => {
                    Some(hit.because("secrets were not read: it may be a pod of another cluster").unknown())
                }
                (false, true, _) => None,
            }
        })
        .collect()
}

/// A proxy that is no pod.
struct Machine<'a> {
    status: &'a ProxyStatus,
    revision: &'a Revision,
    /// Peer address, without its port.
    address: Option<&'a str>,
}

/// Proxies that are no pods and do not look like one that is gone, by host and namespace.
fn machines<'a>(context: &Context<'a>) -> BTreeMap<(&'a str, &'a str), Machine<'a>> {
    let mut found = BTreeMap::new();
    for revision in context.mesh.revisions.values() {
        for answers in revision.istiods.iter().filter_map(|pod| context.mesh.snapshot.istiods.get(pod)) {
            let proxies = answers.syncz.iter().flatten();
            let proxies = proxies.filter(|one| matches!(one.proxy_type.as_str(), "sidecar" | "router"));
            let others: BTreeMap<&str, &ProxyStatus> = proxies
                .filter(|status| {
                    status.pod().is_some_and(|(host, namespace)| is_machine(context, host, namespace))
                })
                .map(|status| (status.proxy.as_str(), status))
                .collect();
            // Most meshes have none, and the connections of all proxies are many.
            if others.is_empty() {
                continue;
            }
            for status in others.values() {
                let Some(place) = status.pod() else { continue };
                found.entry(place).or_insert(Machine { status, revision, address: None });
            }
            for connection in answers.connections.iter().flatten() {
                let machine = others.get(connection.proxy()).and_then(|status| found.get_mut(&status.pod()?));
                let Some(machine) = machine else { continue };
                let address = connection.address.rsplit_once(':').map(|(address, _)| address);
                machine.address = machine.address.or(address.map(|address| address.trim_matches(['[', ']'])));
            }
        }
    }
    found
}

/// No pod, and not named as one is. Most are, by a ReplicaSet: that needs no look at the mesh.
fn is_machine(context: &Context<'_>, host: &str, namespace: &str) -> bool {
    let is_pod = || context.named::<Pod>(namespace, host).is_some();
    !looks_like_of_replica_set(host) && !is_pod() && !looks_like_a_pod(context, host, namespace)
}

/// The entry of a machine among those of its namespace: of its name, or of its address.
fn entry<'a>(entries: &[&'a WorkloadEntry], host: &str, machine: &Machine<'_>) -> Option<&'a WorkloadEntry> {
    let named = entries.iter().find(|one| one.metadata.name == host);
    let found =
        named.or_else(|| entries.iter().find(|one| machine.address == Some(one.spec.address.as_str())));
    found.copied()
}

fn hit(
    context: &Context<'_>,
    (host, namespace): (&str, &str),
    machine: &Machine<'_>,
    entry: Option<&WorkloadEntry>,
) -> Option<Hit> {
    let Machine { status, revision, address } = machine;
    let version = IstioVersion::from_loose(&status.istio_version);
    let is_target =
        |target: &IstioVersion| version.as_ref() == Some(target) && context.is_target(&revision.name);
    if context.target.is_some_and(is_target) {
        return None;
    }
    let subject = entry.map_or_else(|| ObjectRef::new("Machine", namespace, host), Resource::object_ref);
    let runs =
        version.as_ref().map_or_else(|| "a version that it does not tell".to_owned(), ToString::to_string);
    let behind = context.target.zip(version.as_ref()).filter(|(target, version)| is_far(version, target));
    let far = behind
        .map(|(target, _)| format!(", more than one minor version behind {target}"))
        .unwrap_or_default();
    let detail = format!(
        "machine {host}: served by istiod {}, runs {runs}{far}; it is upgraded by hand",
        revision.name
    );
    let mut hit =
        Hit::new(&subject, detail).because(format!("{} is connected, and no such pod exists", status.proxy));
    if let Some(address) = address {
        hit = hit.because(format!("it connects from {address}"));
    }
    if let Some(group) = entry.and_then(|entry| entry.metadata.annotation(GROUP)) {
        hit = hit.because(format!("WorkloadGroup/{namespace}/{group}"));
    }
    Some(if behind.is_some() { hit.severity(Severity::Warn) } else { hit })
}

fn is_far(version: &IstioVersion, target: &IstioVersion) -> bool {
    version.major < target.major || (version.major == target.major && version.minor + 1 < target.minor)
}

/// True for the name of a pod that a known workload made: it was there a moment ago.
fn looks_like_a_pod(context: &Context<'_>, name: &str, namespace: &str) -> bool {
    let is_of = |workload: &ObjectRef| {
        let Some(rest) = name.strip_prefix(workload.name.as_str()).and_then(|rest| rest.strip_prefix('-'))
        else {
            return false;
        };
        let is_ordinal = workload.kind == StatefulSet::KIND && rest.bytes().all(|byte| byte.is_ascii_digit());
        is_ordinal
            || is_suffix(rest.rsplit_once('-').map_or(rest, |(_, last)| last)) && rest.split('-').count() <= 2
    };
    context.mesh.namespaces.get(namespace).into_iter().flat_map(|one| &one.workloads).any(is_of)
}

fn looks_like_of_replica_set(name: &str) -> bool {
    let parts = name.rsplit_once('-').and_then(|(rest, last)| Some((rest.rsplit_once('-')?.1, last)));
    parts.is_some_and(|(hash, last)| is_suffix(last) && is_random(hash) && hash.len() > SUFFIX)
}

fn is_suffix(text: &str) -> bool {
    text.len() == SUFFIX && is_random(text)
}

fn is_random(text: &str) -> bool {
    text.bytes().all(|letter| RANDOM.contains(&letter))
}
