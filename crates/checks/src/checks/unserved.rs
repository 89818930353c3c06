//! What ML2002 and ML2003 have in common: a name that nothing serves.

use meshlift_mesh::facts::{Follows, Workload};
use meshlift_model::names::ObjectRef;

use crate::context::Context;

/// A namespace or pod template that follows a name that nothing serves.
pub(super) struct Unserved {
    pub(super) subject: ObjectRef,
    pub(super) name: String,
    /// Pods in it that carry a proxy by injection.
    pub(super) injected: usize,
    /// Pods in it.
    pub(super) pods: usize,
    pub(super) is_namespace: bool,
}

/// All of them: namespaces, then pod templates that decide by themselves. Gateways have a check of their own.
pub(super) fn unserved(context: &Context<'_>) -> Vec<Unserved> {
    let all = &context.mesh.workloads;
    let namespaces = context.mesh.namespaces.values().filter_map(|namespace| {
        let Follows::Unserved { name } = &namespace.follows else { return None };
        let workloads = namespace.workloads.iter().filter_map(|workload| all.get(workload));
        let (injected, pods) = count(context, workloads.filter(|workload| !workload.pod_bound));
        let subject = ObjectRef::cluster("Namespace", &namespace.name);
        Some(Unserved { subject, name: name.clone(), injected, pods, is_namespace: true })
    });
    let templates = all.values().filter(|workload| workload.pod_bound).filter_map(|bound| {
        let Follows::Unserved { name } = &bound.follows else { return None };
        let (injected, pods) = count(context, std::iter::once(bound));
        let subject = bound.workload.clone();
        Some(Unserved { subject, name: name.clone(), injected, pods, is_namespace: false })
    });
    namespaces.chain(templates).collect()
}

fn count<'m>(context: &Context<'_>, workloads: impl Iterator<Item = &'m Workload>) -> (usize, usize) {
    workloads.filter(|workload| context.is_injected(workload)).fold((0, 0), |(injected, pods), workload| {
        let carry: usize =
            workload.now.iter().filter(|(revision, _)| revision.is_some()).map(|(_, n)| n).sum();
        (injected + carry, pods + workload.now.values().sum::<usize>())
    })
}
