//! ML4168: objects that the target's validator refuses, the next time that somebody applies them.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{IstioServerTls, Resource};
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4168",
        layer: Layer::Configuration,
        versions: Versions::Target,
        title: "The target's validator refuses this object",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "change the object before the control plane moves: both versions accept that",
        why: "What is stored goes on to apply. But once the new revision validates, nobody can apply the object again, nor a \
              change of it: deliveries fail, and Git and the cluster drift apart. From 1.27 on a server of a Gateway may \
              name its certificate once, by credentialName or by files. Headers of outputClaimToHeaders may have no `_` in \
              1.24.4 to 1.26.4 and in 1.27.0 and 1.27.1.",
        see: "`kubectl get KIND NAME -n NAMESPACE -o yaml | kubectl apply --dry-run=server -f -`, once the new \
              revision validates.",
        fix: "Gateway: leave credentialName, and take serverCertificate and privateKey away (gateways have passed them over). \
              Headers: write `-` for `_` and let the app read that, or go to a patch that accepts them.",
        sources: &[
            "https://github.com/istio/istio/blob/1.27.0/pkg/config/validation/validation.go",
            "https://github.com/istio/istio/blob/1.27.2/pkg/config/validation/validation.go",
        ],
    },
    needs: &[WORKLOADS, &["gateways.networking.istio.io", "requestauthentications.security.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    if begins(context, refuses_two_certificates) {
        let gateways = context.objects().istio_gateways.iter();
        let twice = gateways.filter(|gateway| {
            gateway.spec.servers.iter().filter_map(|server| server.tls.as_ref()).any(is_named_twice)
        });
        let detail = "a server of it names its certificate by credentialName and by files";
        hits.extend(twice.map(|gateway| Hit::new(&gateway.object_ref(), detail)));
    }
    if begins(context, refuses_underscores) {
        let policies = context.objects().request_authentications.iter();
        hits.extend(policies.filter_map(|policy| {
            let mut headers = policy.spec.jwt_rules.iter().flat_map(|rule| &rule.output_claim_to_headers);
            let named = headers.find(|one| one.header.contains('_'))?;
            Some(Hit::new(&policy.object_ref(), format!("it sends a claim in header {}", named.header)))
        }));
    }
    hits
}

/// True if the target refuses what something that runs accepts.
fn begins(context: &Context<'_>, refuses: fn(&IstioVersion) -> bool) -> bool {
    let mut running = context.used_or_all().filter_map(|revision| revision.version.as_ref());
    context.target.is_some_and(refuses) && running.any(|version| !refuses(version))
}

fn refuses_two_certificates(version: &IstioVersion) -> bool {
    (version.major, version.minor) >= (1, 27)
}

fn refuses_underscores(version: &IstioVersion) -> bool {
    match (version.major, version.minor, version.patch) {
        (1, 24, patch) => patch >= 4,
        (1, 25, _) | (1, 26, 0..=4) | (1, 27, 0 | 1) => true,
        _ => false,
    }
}

fn is_named_twice(tls: &IstioServerTls) -> bool {
    let by_files = !tls.server_certificate.is_empty() && !tls.private_key.is_empty();
    by_files && !tls.credential_name.is_empty() && tls.mode != "ISTIO_MUTUAL"
}
