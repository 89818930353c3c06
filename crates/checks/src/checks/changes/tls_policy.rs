//! ML4126: policies that begin to apply, or cease to.

use meshlift_mesh::facts::Revision;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{CustomResourceDefinition, Resource};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// The definition of these policies.
const DEFINITION: &str = "backendtlspolicies.gateway.networking.k8s.io";
/// The version that istiod reads before 1.28, and from then on.
const VERSIONS: (&str, &str) = ("v1alpha3", "v1");

/// First minor version of 1 that reads them at all.
const ALPHA_SINCE: u32 = 26;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4126",
        layer: Layer::Configuration,
        versions: Versions::Since(28),
        title: "A BackendTLSPolicy begins to apply, or ceases to",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the policy: it was ignored until now",
        why: "Until 1.25 istiod reads no BackendTLSPolicy. In 1.26 and 1.27 it reads version v1alpha3, and only where \
              PILOT_ENABLE_ALPHA_GATEWAY_API is on. From 1.28 on it reads v1 alone, with or without that variable. \
              Where the definition serves v1, policies that were ignored begin to apply: gateways speak TLS to \
              backends that spoke plain text to them. Where it does not, policies that were obeyed are lost: \
              gateways speak plain text to backends that expect TLS, and those requests fail.",
        see: "`kubectl get backendtlspolicies -A`; `kubectl get crd backendtlspolicies.gateway.networking.k8s.io -o \
              jsonpath='{range .spec.versions[*]}{.name}={.served} {end}'` says which versions are served; `kubectl \
              get deploy -n istio-system -l app=istiod -o yaml | grep -A1 ALPHA_GATEWAY_API` says whether the \
              variable is on.",
        fix: "Begins: remove policies that were never meant; make sure that the backends of the others speak TLS \
              with a certificate that the policy accepts. Lost: before the new istiod comes, apply \
              experimental-install.yaml of bundle 1.4 (its newest patch). It serves v1alpha3, which the old istiod \
              reads, and v1, which the new one reads; the API server shows the same policies in both. Do not take \
              standard-install.yaml: it does not serve v1alpha3, and the old istiod would lose the policies.",
        sources: &[
            "https://istio.io/latest/news/releases/1.28.x/announcing-1.28/upgrade-notes/",
            "https://kubernetes.io/blog/2025/11/06/gateway-api-v1-4",
        ],
    },
    needs: &[
        WORKLOADS,
        &["backendtlspolicies.gateway.networking.k8s.io", "customresourcedefinitions.apiextensions.k8s.io"],
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let policies = || context.objects().backend_tls_policies.iter().map(Resource::object_ref);
    let mut definitions = context.objects().crds.iter();
    let Some(definition) = definitions.find(|one| one.metadata.name == DEFINITION) else {
        let unknown =
            |policy| Hit::new(&policy, format!("there is no definition {DEFINITION} to tell its versions"));
        return policies().map(|policy| unknown(policy).unknown()).collect();
    };
    let reads_alpha = |revision: &Revision| {
        revision.version.as_ref().is_none_or(|version| version.minor >= ALPHA_SINCE)
            && context.istiod_env(revision, "PILOT_ENABLE_ALPHA_GATEWAY_API") == Some("true")
    };
    let is_obeyed = serves(definition, VERSIONS.0) && context.mesh.used_revisions().any(reads_alpha);
    let change = match (is_obeyed, serves(definition, VERSIONS.1)) {
        (false, true) => Change::Begins,
        (true, false) => Change::Lost,
        (true, true) | (false, false) => return Vec::new(),
    };
    policies().map(|policy| hit(&policy, change, definition)).collect()
}

/// What becomes of a policy.
#[derive(Clone, Copy)]
enum Change {
    Begins,
    Lost,
}

fn hit(policy: &ObjectRef, change: Change, definition: &CustomResourceDefinition) -> Hit {
    let served = definition.spec.versions.iter().filter(|version| version.served);
    let served: Vec<&str> = served.map(|version| version.name.as_str()).collect();
    let because = format!("{DEFINITION} serves {}", served.join(", "));
    let hit = match change {
        Change::Begins => Hit::new(policy, "istiod ignores it today"),
        Change::Lost => {
            Hit::new(policy, "istiod obeys it today, and reads v1 alone from 1.28 on, which is not served")
                .hint(
                    "install a Gateway API bundle that serves v1 (1.4 or later) before the new istiod comes",
                )
        }
    };
    hit.because(because)
}

fn serves(definition: &CustomResourceDefinition, name: &str) -> bool {
    definition.spec.versions.iter().any(|version| version.served && version.name == name)
}
