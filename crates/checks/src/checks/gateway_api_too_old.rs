//! ML0001: Gateway API definitions that the target does not read, or that what runs does not.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{CustomResourceDefinition, KindWork, Objects, Resource, TLSRoute, with_kind};
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::reads_alpha;

/// Annotation that names the bundle of which a definition is part.
const BUNDLE: &str = "gateway.networking.k8s.io/bundle-version";
/// Definitions that istiod looks at by the bundle's version, with the minor version of Istio from which on it demands one,
/// and the bundle (istio: pkg/config/schema/gatewayapi/minimumversions.go).
const LEAST: [(&str, u32, (u64, u64)); 9] = [
    (TLSRoute::RESOURCE, 31, (1, 5)),
    (TLSRoute::RESOURCE, 30, (1, 5)),
    ("grpcroutes.gateway.networking.k8s.io", 31, (1, 1)),
    ("grpcroutes.gateway.networking.k8s.io", 30, (1, 1)),
    ("grpcroutes.gateway.networking.k8s.io", 29, (1, 1)),
    ("backendtlspolicies.gateway.networking.k8s.io", 31, (1, 4)),
    ("backendtlspolicies.gateway.networking.k8s.io", 30, (1, 4)),
    ("backendtlspolicies.gateway.networking.k8s.io", 29, (1, 4)),
    ("tcproutes.gateway.networking.k8s.io", 31, (1, 6)),
];
/// The last bundle whose TLSRoutes these minor versions read, from a patch of each on, later patches first (istio:
/// MaximumCRDVersions, pkg/kube/kclient/crdwatcher.go).
const MOST: [(u32, u32, Bundle); 5] =
    [(27, 9, (1, 4, 0)), (28, 7, (1, 4, 1)), (28, 6, (1, 4, 0)), (29, 3, (1, 4, 1)), (29, 2, (1, 4, 0))];

/// Major, minor and patch number.
type Bundle = (u64, u64, u64);

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0001",
        layer: Layer::Crds,
        versions: Versions::Any,
        title: "istiod does not read this version of the Gateway API",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "install the bundle that the target reads just before its istiod, and see what the old istiod then misses",
        why: "Each minor version of Istio reads some versions of the Gateway API, by the bundle's version on the \
              definition. Where it does not read a kind, istiod says so in its log alone (`is below minimum \
              version`, `is above maximum version`), and ignores the routes of that kind: listeners stay, \
              attachedRoutes is 0, connections end nowhere. For TLSRoute no bundle serves both 1.30 and 1.29 (from \
              1.29.2 on).",
        see: "`kubectl get crd -o \
              custom-columns='NAME:.metadata.name,BUNDLE:.metadata.annotations.gateway\\.networking\\.k8s\\.io/bundle-version'`; \
              `kubectl logs -n istio-system -l app=istiod --tail=-1 | grep -E '(below minimum|above maximum) \
              version'`.",
        fix: "`kubectl apply --server-side -f \
              https://github.com/kubernetes-sigs/gateway-api/releases/download/vX.Y.Z/CHANNEL-install.yaml`, just \
              before the new istiod. vX.Y.Z is the newest patch of the line that `meshlift versions --to TARGET` \
              names. CHANNEL is what `kubectl get crd httproutes.gateway.networking.k8s.io -o \
              jsonpath='{.metadata.annotations.gateway\\.networking\\.k8s\\.io/channel}'` prints: standard over \
              experimental takes fields away (such as `retry` of HTTPRoutes), and from bundle 1.5 on that cannot be \
              taken back. Bundles from 1.5 on also bring a ValidatingAdmissionPolicy that refuses older bundles, so \
              plan this step as one without return.",
        sources: &[
            "https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/",
            "https://github.com/istio/istio/blob/master/pkg/config/schema/gatewayapi/minimumversions.go",
        ],
    },
    needs: &[WORKLOADS, &["customresourcedefinitions.apiextensions.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // What has an upper end was not read at all without the variable then.
    let read = context.mesh.revisions.values().filter(|one| reads_alpha(context, one));
    let mut reading: Vec<&IstioVersion> = read.filter_map(|revision| revision.version.as_ref()).collect();
    if !reading.is_empty() {
        reading.extend(context.target);
    }
    let definitions = context.objects().crds.iter();
    definitions
        .filter_map(|definition| {
            let hit = hit(definition, context.target, &reading)?;
            let kind = &definition.metadata.name;
            if let Some(reason) = context.missing(kind) {
                return Some(hit.because(format!("{kind}: {reason}")).unknown());
            }
            let count = with_kind(kind, Count(context.objects())).unwrap_or_default();
            (count > 0).then(|| hit.because(format!("there are {count} {kind}")))
        })
        .collect()
}

/// Objects of a kind.
struct Count<'a>(&'a Objects);

impl KindWork for Count<'_> {
    type Output = usize;

    fn run<R: Resource>(self) -> usize {
        R::list(self.0).len()
    }
}

fn hit(
    definition: &CustomResourceDefinition,
    target: Option<&IstioVersion>,
    reading: &[&IstioVersion],
) -> Option<Hit> {
    // Without a bundle that can be read, a definition counts as too old (istio: pkg/kube/kclient/crdwatcher.go).
    let text = definition.metadata.annotation(BUNDLE);
    let bundle = text.and_then(version);
    let name = &definition.metadata.name;
    let least = |version: &IstioVersion| {
        let mut rows = LEAST.iter().filter(|(of, minor, _)| of == name && *minor == version.minor);
        let is_older = |least: &(u64, u64)| bundle.is_none_or(|(major, minor, _)| (major, minor) < *least);
        rows.find(|(_, _, least)| is_older(least)).map(|(_, _, least)| least)
    };
    let most = |version: &IstioVersion| {
        let mut rows =
            MOST.iter().filter(|(minor, patch, _)| version.minor == *minor && version.patch >= *patch);
        rows.next().map(|(_, _, most)| *most)
    };
    let passed = |version: &IstioVersion| {
        most(version).filter(|most| name == TLSRoute::RESOURCE && bundle.is_some_and(|bundle| bundle > *most))
    };
    let why = target
        .and_then(|target| {
            least(target).map(|(major, minor)| format!("{target} reads {major}.{minor} and later"))
        })
        .or_else(|| {
            let (version, most) = reading.iter().find_map(|version| Some((version, passed(version)?)))?;
            Some(format!("{version} reads up to {}.{}.{}", most.0, most.1, most.2))
        })?;
    let (is, fact) = match text {
        Some(text) => (format!("its bundle is {text}"), format!("{name} {BUNDLE}={text}")),
        None => ("it names no bundle".to_owned(), format!("{name} has no annotation {BUNDLE}")),
    };
    Some(Hit::new(&definition.object_ref(), format!("{is}; {why}")).because(fact))
}

/// The numbers of `v1.4.1`.
fn version(text: &str) -> Option<Bundle> {
    let mut parts = text.trim_start_matches('v').split(['.', '-', '+']);
    let mut number = || parts.next()?.parse().ok();
    Some((number()?, number()?, number().unwrap_or_default()))
}
