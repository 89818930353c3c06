//! Settings of a new revision that keep what a version would change: one for each change, never a whole
//! compatibility profile.

use std::collections::BTreeSet;

use meshlift_model::finding::{Finding, Verdict};

use crate::context::Context;

/// A setting that keeps the former behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Check that finds the change.
    pub code: &'static str,
    place: Place,
    pub(crate) name: &'static str,
    value: &'static str,
}

/// Where a setting belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Environment of istiod.
    Istiod,
    /// Values of istio-cni.
    Cni,
}

impl Flag {
    /// As `--set` of istioctl takes it; Helm wants it without the leading `values.` (`values.cni.` for the chart of
    /// istio-cni).
    #[must_use]
    pub fn set(&self) -> String {
        let path = match self.place {
            Place::Istiod => "values.pilot.env",
            Place::Cni => "values.cni",
        };
        format!("{path}.{}={}", self.name, self.value)
    }

    /// True if every revision that runs the target has it already; what istio-cni will be told is not known.
    fn is_set(&self, context: &Context<'_>) -> bool {
        let mut targets = context.targets().peekable();
        self.place == Place::Istiod
            && targets.peek().is_some()
            && targets.all(|revision| context.istiod_env(revision, self.name) == Some(self.value))
    }
}

const fn istiod(code: &'static str, name: &'static str, value: &'static str) -> Flag {
    Flag { code, place: Place::Istiod, name, value }
}

const fn cni(code: &'static str, name: &'static str, value: &'static str) -> Flag {
    Flag { code, place: Place::Cni, name, value }
}

/// By check (istio: `manifests/helm-profiles/compatibility-version-*.yaml`, and the notes that each check cites).
pub(crate) const FLAGS: &[Flag] = &[
    istiod("ML4101", "PILOT_SIDECAR_PICK_BEST_SERVICE_NAMESPACE", "false"),
    istiod("ML4103", "PILOT_ENABLE_STRICT_GATEWAY_MERGING", "false"),
    istiod("ML4104", "DISABLE_SHADOW_HOST_SUFFIX", "false"),
    istiod("ML4108", "PILOT_UNIFIED_SIDECAR_SCOPE", "false"),
    istiod("ML4110", "PREFER_DESTINATIONRULE_TLS_FOR_EXTERNAL_SERVICES", "false"),
    istiod("ML4111", "ENABLE_ENHANCED_DESTINATIONRULE_MERGE", "false"),
    istiod("ML4112", "EXCLUDE_UNSAFE_503_FROM_DEFAULT_RETRY", "false"),
    istiod("ML4118", "PILOT_ENABLE_IP_AUTOALLOCATE", "false"),
    cni("ML4120", "ambient.dnsCapture", "false"),
    cni("ML4123", "ambient.shareHostNetworkNamespace", "true"),
    istiod("ML4124", "MAX_CONNECTIONS_PER_SOCKET_EVENT_LOOP", "0"),
    istiod("ML4127", "ENABLE_DEBUG_ENDPOINT_AUTH", "false"),
    istiod("ML4128", "DISABLE_TRACK_REMAINING_CB_METRICS", "false"),
    cni("ML4130", "ambient.reconcileIptablesOnStartup", "false"),
    istiod("ML4133", "PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS", "false"),
    istiod("ML4135", "ISTIO_GPRC_MAXRECVMSGSIZE", "33554432"),
    istiod("ML4138", "ENABLE_XDS_API_GENERATOR_AUTH", "false"),
    istiod("ML4140", "ENABLE_NATIVE_SIDECARS", "false"),
    cni("ML4139", "env.CNI_CONF_GROUP_READ", "true"),
    cni("ML4141", "cniBinDir", "/home/kubernetes/bin"),
];

/// A number that `--set` of istioctl makes a fraction with an exponent, which istiod does not read.
const NOT_BY_SET: &str = "ISTIO_GPRC_MAXRECVMSGSIZE";

/// The smallest set of settings that keeps today's behaviour for everything that was found, by check. What is not known to
/// change needs none.
#[must_use]
pub fn flags(findings: &[&Finding]) -> Vec<&'static Flag> {
    let found: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| finding.code.as_str())
        .collect();
    FLAGS.iter().filter(|flag| flag.name != NOT_BY_SET && found.contains(flag.code)).collect()
}

/// True if the new revision is told to behave as the old one: nothing changes.
pub(crate) fn is_kept(code: &str, context: &Context<'_>) -> bool {
    FLAGS.iter().any(|flag| flag.code == code && flag.is_set(context))
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{Container, Deployment, EnvVar};
    use meshlift_model::snapshot::Snapshot;
    use meshlift_snapshot::{read_bytes, to_bytes};

    use super::*;

    /// A recording whose istiod has a variable, as it is after it was written to a file and read.
    fn with_variable(name: &str) -> Snapshot {
        let mut mesh = meshlift_snapshot::fixtures::cluster("before").unwrap();
        let istiods = mesh.objects.deployments.iter_mut().filter(|one| is_istiod(one));
        let variable = EnvVar { name: name.to_owned(), value: "kept".to_owned(), ..EnvVar::default() };
        istiods
            .flat_map(|one| one.spec.template.spec.containers.iter_mut())
            .for_each(|one: &mut Container| one.env.push(variable.clone()));
        read_bytes(&to_bytes(&mesh).unwrap(), "x").unwrap()
    }

    fn is_istiod(one: &Deployment) -> bool {
        one.metadata.path() == "istio-system/istiod-1-29-6"
    }

    #[test]
    fn no_setting_that_a_check_asks_for_is_lost_on_the_way_into_a_snapshot() {
        let others = ["DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES", "GRPC_ENFORCE_ALPN_ENABLED"];
        let of_istiod = FLAGS.iter().filter(|flag| flag.place == Place::Istiod);
        let flags: Vec<&str> = of_istiod.map(|flag| flag.name).collect();
        assert!(flags.len() > 10);
        for name in flags.into_iter().chain(others) {
            let mesh = with_variable(name);
            let istiods = mesh.objects.deployments.iter().filter(|one| is_istiod(one));
            let mut containers = istiods.flat_map(|one| one.spec.template.spec.containers.iter());
            assert!(containers.any(|one| one.env_value(name) == Some("kept")), "{name}");
        }
    }
}
