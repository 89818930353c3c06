//! Whether network policies let one pod reach an istiod, as far as labels and addresses tell.

use std::collections::BTreeMap;
// Addresses alone: nothing is connected.
use core::net::IpAddr;

use meshlift_mesh::facts::Revision;
use meshlift_mesh::{InOrder, Selectors, selectors};
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::k8s::{
    IntOrString, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, Pod, Shared, StringMap,
};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::context::Context;

/// Port on which istiods give certificates and configuration.
const XDS_PORT: i32 = 15_012;

/// One end of a connection.
#[derive(Clone)]
pub(super) struct Peer<'a> {
    pub(super) namespace: &'a str,
    pub(super) labels: Shared<StringMap>,
    /// Absent for a pod that is not there yet: any address may be its own.
    pub(super) address: Option<IpAddr>,
}

/// Policies by namespace.
pub(super) type Policies<'a> = InOrder<&'a str, Selectors<'a, NetworkPolicy>>;

/// Policies of a list.
pub(super) fn policies(list: &[NetworkPolicy]) -> Policies<'_> {
    selectors(list, |one| &one.spec.pod_selector.match_labels)
}

/// What policies select by.
pub(super) struct World<'a> {
    context: &'a Context<'a>,
    namespaces: BTreeMap<&'a str, StringMap>,
}

impl<'a> World<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        let all = context.objects().namespaces.iter();
        let named = all.map(|one| {
            (one.metadata.name.as_str(), (*one.clone().labelled_with_its_name().metadata.labels).clone())
        });
        Self { context, namespaces: named.collect() }
    }

    /// The istiods of some revisions.
    pub(super) fn istiods<'r>(&self, revisions: impl Iterator<Item = &'r Revision>) -> Vec<Peer<'a>> {
        let pods = revisions.flat_map(|revision| {
            revision.istiods.iter().map(|name| ObjectRef::new("Pod", &revision.namespace, name))
        });
        let pods = pods.filter_map(|reference| self.context.object::<Pod>(&reference));
        pods.map(|pod| Peer {
            namespace: &pod.metadata.namespace,
            labels: pod.metadata.labels.clone(),
            address: pod.status.pod_ip.parse().ok(),
        })
        .collect()
    }

    /// Istiods of a version that is not installed: as the old ones, under another revision.
    pub(super) fn to_come(&self, old: &[Peer<'a>], target: &IstioVersion) -> Vec<Peer<'a>> {
        let renamed = old.iter().cloned().map(|mut istiod| {
            istiod.labels.insert(REV_LABEL.to_owned(), target.to_string().replace('.', "-"));
            istiod
        });
        renamed.collect()
    }

    /// A policy that keeps a pod from an istiod; `None` where none does.
    pub(super) fn refusal<'p>(
        &self,
        policies: &Policies<'p>,
        pod: &Peer<'_>,
        istiod: &Peer<'_>,
    ) -> Option<&'p NetworkPolicy> {
        let isolating = |peer: &Peer<'_>, type_: &str| -> Vec<&'p NetworkPolicy> {
            let Some(here) = policies.get(peer.namespace) else { return Vec::new() };
            let near = here.near(&peer.labels);
            let selects = |one: &&NetworkPolicy| one.spec.pod_selector.matches(&peer.labels);
            near.iter().copied().filter(|one| selects(one) && is_of(one, type_)).collect()
        };
        let out = isolating(pod, "Egress");
        let goes_out = out.iter().any(|policy| {
            let mut rules = policy.spec.egress.iter();
            rules.any(|rule| names_port(&rule.ports) && self.names(&rule.to, policy, istiod))
        });
        let into = isolating(istiod, "Ingress");
        let comes_in = into.iter().any(|policy| {
            let mut rules = policy.spec.ingress.iter();
            rules.any(|rule| names_port(&rule.ports) && self.names(&rule.from, policy, pod))
        });
        let refusing = |policies: Vec<&'p NetworkPolicy>, permitted: bool| {
            policies.into_iter().next().filter(|_| !permitted)
        };
        refusing(out, goes_out).or_else(|| refusing(into, comes_in))
    }

    /// True if peers of a rule name a pod; none at all name everybody.
    fn names(&self, peers: &[NetworkPolicyPeer], policy: &NetworkPolicy, pod: &Peer<'_>) -> bool {
        peers.is_empty() || peers.iter().any(|peer| self.is(peer, policy, pod))
    }

    fn is(&self, peer: &NetworkPolicyPeer, policy: &NetworkPolicy, pod: &Peer<'_>) -> bool {
        if let Some(block) = &peer.ip_block {
            let Some(address) = pod.address else { return true };
            return holds(&block.cidr, address) && !block.except.iter().any(|range| holds(range, address));
        }
        let namespace = match &peer.namespace_selector {
            Some(selector) => {
                self.namespaces.get(pod.namespace).is_some_and(|labels| selector.matches(labels))
            }
            None => policy.metadata.namespace == pod.namespace,
        };
        namespace && peer.pod_selector.as_ref().is_none_or(|selector| selector.matches(&pod.labels))
    }
}

/// True if a policy isolates that direction: without a word it is Ingress, and Egress where it has such rules.
fn is_of(policy: &NetworkPolicy, type_: &str) -> bool {
    let spec = &policy.spec;
    if spec.policy_types.is_empty() {
        return type_ == "Ingress" || !spec.egress.is_empty();
    }
    spec.policy_types.iter().any(|one| one == type_)
}

/// True if ports of a rule hold istiod's; a name may be that of any port.
fn names_port(ports: &[NetworkPolicyPort]) -> bool {
    let is = |port: &NetworkPolicyPort| match (&port.port, port.end_port) {
        (None | Some(IntOrString::String(_)), _) => true,
        (Some(IntOrString::Int(first)), Some(last)) => (*first..=last).contains(&XDS_PORT),
        (Some(IntOrString::Int(number)), None) => *number == XDS_PORT,
    };
    ports.is_empty() || ports.iter().any(|port| matches!(port.protocol.as_str(), "" | "TCP") && is(port))
}

/// True if a range such as `10.0.0.0/8` holds an address.
fn holds(cidr: &str, address: IpAddr) -> bool {
    let Some((network, bits)) = cidr.split_once('/') else { return false };
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    let same = |network: u128, address: u128, width: u32| {
        bits <= width && (bits == 0 || network >> (width - bits) == address >> (width - bits))
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same(u32::from(network).into(), u32::from(address).into(), u32::BITS)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => same(network.into(), address.into(), u128::BITS),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses_alone() {
        let held = |cidr: &str, address: &str| holds(cidr, address.parse().unwrap());
        assert!(
            held("10.0.0.0/8", "10.250.1.2") && held("0.0.0.0/0", "192.0.2.1") && held("fd00::/8", "fd12::1")
        );
        assert!(
            !held("10.0.0.0/8", "11.0.0.1") && !held("10.0.0.1/32", "10.0.0.2") && !held("::/0", "10.0.0.1")
        );
        assert!(!held("10.0.0.0", "10.0.0.0") && !held("10.0.0.0/99", "10.0.0.0"));
    }
}
