//! ML4144: annotations with names of interfaces that the target's injector refuses.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Annotations that the injector looks at from then on.
const ANNOTATIONS: [&str; 3] = [
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/kubevirtInterfaces",
    "istio.io/reroute-virtual-interfaces",
];
/// The longest name of an interface.
const LONGEST: usize = 15;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4144",
        layer: Layer::Sidecars,
        versions: Versions::Since(30),
        title: "The new injector refuses its pods for an annotation",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "write the names of interfaces by commas, each a letter and up to 14 of letters, digits, `_`, `.` and `-`",
        why: "From 1.30 on the injector looks at annotations that name interfaces. A value that is no list of names (an \
              empty part such as in `eth1,`, more than 15 characters, a name that does not begin with a letter) makes \
              injection fail: no new pod of the workload is made, and its rollout stands. Until then whatever was \
              written was passed on. The twin's injector does not look at them, so a rehearsal does not show it.",
        see: "`kubectl get deploy,sts,ds -A -o yaml | grep -E 'excludeInterfaces|kubevirtInterfaces|reroute-virtual-interfaces'`.",
        fix: "Correct the annotation on the pod template before its wave. That restarts it once, at the revision that it \
              follows now.",
        sources: &[
            "https://github.com/istio/istio/issues/58781",
            "https://github.com/istio/istio/blob/1.30.3/pkg/util/net/ip.go",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let annotations = &workload.template.metadata;
    let mut said = ANNOTATIONS.iter().filter_map(|name| Some((name, annotations.annotation(name)?)));
    let (name, value) = said.find(|(_, value)| !are_names(value))?;
    let hit = Hit::new(&workload.workload, format!("`{value}` is no list of interfaces"));
    Some(hit.because(format!("{} {name}={value}", workload.workload)))
}

/// istio: `ValidateInterfaceNames`.
fn are_names(list: &str) -> bool {
    list.is_empty() || list.split(',').map(str::trim).all(is_name)
}

fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    name.len() <= LONGEST
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_names_alone() {
        assert!(["", "eth0", "eth0, k6t-eth1", "net1.100"].into_iter().all(are_names));
        assert!(!["eth0,", "0eth", "eth 0", "*", "a-name-with-16-ch", "-i"].into_iter().any(are_names));
    }
}
