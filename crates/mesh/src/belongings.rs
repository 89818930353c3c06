//! What belongs to one revision alone (facts of istiod's chart: Deployment, Service, webhooks, RBAC …).
//!
//! Two signs: the labels that the installer writes, and, for what carries none (RBAC of a plain Helm
//! install), the names that the chart derives from revision and namespace. What is shared is never among
//! it: tags, the default validator, CRDs, `istio-reader-service-account`, `istio-ca-root-cert`, istio-cni,
//! ztunnel, gateways.

use meshlift_model::defaults::{COMPONENT_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{
    ConfigMap, Deployment, MutatingWebhookConfiguration, ObjectMeta, Objects, Resource, Service,
    ServiceAccount, ValidatingWebhookConfiguration,
};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::control::UNREVISIONED;
use crate::index::Index;
use crate::revisions::refs;
use crate::tags::DEFAULT_VALIDATOR;

/// Component of istiod.
const PILOT: &str = "Pilot";

/// Names that the chart derives from a revision, before `-REV`; the flag adds `-NAMESPACE` behind it.
const DERIVED: [(&str, &str, bool); 18] = [
    ("MutatingWebhookConfiguration", "istio-sidecar-injector", false),
    ("ValidatingWebhookConfiguration", "istio-validator", true),
    ("HorizontalPodAutoscaler", "istiod", false),
    ("PodDisruptionBudget", "istiod", false),
    ("RoleBinding", "istiod", false),
    ("Role", "istiod", false),
    ("ClusterRoleBinding", "istiod-clusterrole", true),
    ("ClusterRoleBinding", "istiod-gateway-controller", true),
    ("ClusterRoleBinding", "istio-reader-clusterrole", true),
    ("ClusterRole", "istiod-clusterrole", true),
    ("ClusterRole", "istiod-gateway-controller", true),
    ("ClusterRole", "istio-reader-clusterrole", true),
    ("ServiceAccount", "istiod", false),
    ("ConfigMap", "istio", false),
    ("ConfigMap", "istio-sidecar-injector", false),
    ("ConfigMap", "values", false),
    ("Service", "istiod", false),
    ("Deployment", "istiod", false),
];

/// A revision and the namespace of its istiods.
pub(crate) struct Naming<'n> {
    pub(crate) revision: &'n RevisionName,
    pub(crate) namespace: &'n str,
}

impl Naming<'_> {
    /// True if the object belongs to this revision alone.
    fn owns<R: Resource>(&self, object: &R) -> bool {
        let metadata = object.meta();
        let here = !R::NAMESPACED || metadata.namespace == self.namespace;
        let shared = metadata.labels.contains_key(TAG_LABEL) || metadata.name == DEFAULT_VALIDATOR;
        here && !shared && (self.is_labelled(metadata) || self.is_derived(R::KIND, metadata))
    }

    fn is_labelled(&self, metadata: &ObjectMeta) -> bool {
        metadata.label(REV_LABEL) == Some(self.revision.as_str())
            && metadata.label(COMPONENT_LABEL) == Some(PILOT)
    }

    fn is_derived(&self, kind: &str, metadata: &ObjectMeta) -> bool {
        let foreign = metadata.label(REV_LABEL).is_some_and(|label| label != self.revision.as_str());
        !foreign
            && DERIVED.iter().any(|(of, base, wide)| *of == kind && self.name(base, *wide) == metadata.name)
    }

    fn name(&self, base: &str, with_namespace: bool) -> String {
        let mut name = base.to_owned();
        if self.revision.as_str() != UNREVISIONED {
            name = format!("{name}-{}", self.revision);
        }
        if with_namespace { format!("{name}-{}", self.namespace) } else { name }
    }
}

/// Objects of a revision in order of removal: webhooks first, so that nothing is sent to an istiod that
/// goes; istiod last.
pub(crate) fn objects(naming: &Naming<'_>, objects: &Objects) -> Vec<ObjectRef> {
    let Objects {
        mutating_webhooks,
        validating_webhooks,
        autoscalers,
        disruption_budgets,
        role_bindings,
        roles,
        cluster_role_bindings,
        cluster_roles,
        service_accounts,
        config_maps,
        services,
        deployments,
        ..
    } = objects;
    [
        refs(mutating_webhooks, |one| naming.owns(one)),
        refs(validating_webhooks, |one| naming.owns(one)),
        refs(autoscalers, |one| naming.owns(one)),
        refs(disruption_budgets, |one| naming.owns(one)),
        refs(role_bindings, |one| naming.owns(one)),
        refs(roles, |one| naming.owns(one)),
        refs(cluster_role_bindings, |one| naming.owns(one)),
        refs(cluster_roles, |one| naming.owns(one)),
        refs(service_accounts, |one| naming.owns(one)),
        refs(config_maps, |one| naming.owns(one)),
        refs(services, |one| naming.owns(one)),
        refs(deployments, |one| naming.owns(one)),
    ]
    .into_iter()
    .flat_map(|mut kind| {
        kind.sort();
        kind
    })
    .collect()
}

/// What belongs to a revision alone among these objects, in order of removal: of a cluster, or of a rendered
/// manifest. `namespace` is that of its istiods.
#[must_use]
pub fn objects_of_revision(all: &Objects, revision: &RevisionName, namespace: &str) -> Vec<ObjectRef> {
    objects(&Naming { revision, namespace }, all)
}

/// What a complete revision would have and this one lacks. Only what was read can be missed.
pub(crate) fn missing(
    naming: &Naming<'_>,
    deployment: Option<&Deployment>,
    injector: Option<&MutatingWebhookConfiguration>,
    service: Option<&Service>,
    index: &Index<'_>,
) -> Vec<String> {
    let objects = &index.snapshot.objects;
    let has_key =
        |key: &str| objects.config_maps.iter().any(|map| naming.owns(map) && map.data.contains_key(key));
    let bundled = injector.is_none_or(|one| {
        one.webhooks
            .iter()
            .all(|hook| !hook.client_config.ca_bundle.is_empty() || !hook.client_config.url.is_empty())
    });
    let validated = objects.validating_webhooks.iter().any(|one| naming.owns(one));
    let account = deployment.is_none_or(|one| {
        let account = &one.spec.template.spec.service_account_name;
        let same = |found: &ServiceAccount| {
            found.metadata.namespace == one.metadata.namespace && found.metadata.name == *account
        };
        account.is_empty() || objects.service_accounts.iter().any(same)
    });
    let maps = index.doubt::<ConfigMap>().is_none();
    let wanted = [
        (index.doubt::<Deployment>().is_none(), deployment.is_some(), "Deployment of istiod"),
        (index.doubt::<Service>().is_none(), service.is_some(), "Service of istiod"),
        (
            index.doubt::<MutatingWebhookConfiguration>().is_none(),
            injector.is_some(),
            "MutatingWebhookConfiguration of its injector",
        ),
        (true, bundled, "caBundle of its injector"),
        (
            index.doubt::<ValidatingWebhookConfiguration>().is_none(),
            validated,
            "ValidatingWebhookConfiguration",
        ),
        (index.doubt::<ServiceAccount>().is_none(), account, "ServiceAccount of istiod"),
        (maps, has_key("mesh"), "ConfigMap with the mesh config"),
        (maps, has_key("values"), "ConfigMap of its injector"),
    ];
    let lacking = wanted.into_iter().filter(|(read, found, _)| *read && !found);
    lacking.map(|(_, _, what)| what.to_owned()).collect()
}
