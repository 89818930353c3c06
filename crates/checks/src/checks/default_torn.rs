//! ML5018: the tag `default` and the default validator name different revisions.

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, Service, ServiceReference, ValidatingWebhookConfiguration};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::tag_objects::{DEFAULT_TAG, DEFAULT_VALIDATOR};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5018",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "The tag default and the default validator name different revisions",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "`istioctl tag set default --revision REV --overwrite` writes both; with helm set both values, see the fix",
        why: "Two objects say which revision is the default, and two charts write them: the tag `default` decides \
              who injects namespaces with istio-injection=enabled and who owns Gateways without istio.io/rev; the \
              webhook istiod-default-validator decides who checks Istio's configuration. While they differ, \
              configuration for one version is accepted or refused by the rules of another, and whoever removes \
              the revision that looks unused takes the validator's istiod away: with failurePolicy Fail nobody can \
              change Istio's configuration from then on.",
        see: "`kubectl get mutatingwebhookconfiguration -l istio.io/tag=default -L istio.io/rev`; `kubectl get \
              validatingwebhookconfiguration istiod-default-validator -o \
              custom-columns='REV:.metadata.labels.istio\\.io/rev,SERVICE:.webhooks[*].clientConfig.service.name'`: \
              REV must be the same in both, and SERVICE that revision's istiod.",
        fix: "With istioctl: `istioctl tag set default --revision REV --overwrite`, REV being the revision that is \
              meant. With helm: `helm upgrade istio-base istio/base -n istio-system --version RUNNING --reuse-values \
              --set defaultRevision=REV` moves the validator; `helm upgrade RELEASE istio/istiod -n istio-system \
              --version RUNNING --reuse-values --set 'revisionTags={default}'` moves the tag, RELEASE being the one \
              of REV's istiod (name its other tags in the braces too). RUNNING is the chart's version that `helm \
              list -n istio-system` names for the release: without `--version` helm takes the newest chart, and with \
              istio-base the newest release's definitions.",
        sources: &[
            "https://github.com/istio/istio/issues/58578",
            "https://istio.io/latest/docs/setup/upgrade/canary/#default-tag",
        ],
    },
    needs: &[WORKLOADS, &["services", "validatingwebhookconfigurations.admissionregistration.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let tag = context.mesh.tags.get(&TagName::new(DEFAULT_TAG));
    let Some(of_tag) = tag.and_then(|tag| tag.revision.as_ref().or(tag.service_revision.as_ref())) else {
        return Vec::new();
    };
    let validators = context.objects().validating_webhooks.iter();
    validators
        .filter(|one| one.metadata.name == DEFAULT_VALIDATOR)
        .filter_map(|one| hit(context, one, of_tag))
        .collect()
}

fn hit(
    context: &Context<'_>,
    validator: &ValidatingWebhookConfiguration,
    of_tag: &RevisionName,
) -> Option<Hit> {
    let label = validator.metadata.label(REV_LABEL).map(RevisionName::new);
    let called = validator.webhooks.iter().find_map(|webhook| webhook.client_config.service.as_ref());
    let behind = called.and_then(|service| behind(context, service));
    let named = label.as_ref().filter(|label| match &behind {
        // A label that names the tag says no other revision.
        Some(_) => context.mesh.revisions.contains_key(*label),
        None => true,
    });
    let other = behind.iter().chain(named).find(|revision| *revision != of_tag)?;
    let hit = Hit::new(
        &validator.object_ref(),
        format!("tag default leads to revision {of_tag}, the default validator to {other}"),
    );
    let hit = hit.because(format!("tag default: {REV_LABEL}={of_tag}"));
    let hit =
        label.iter().fold(hit, |hit, label| hit.because(format!("{DEFAULT_VALIDATOR} {REV_LABEL}={label}")));
    Some(called.into_iter().fold(hit, |hit, service| {
        hit.because(format!("{DEFAULT_VALIDATOR} calls Service {}/{}", service.namespace, service.name))
    }))
}

/// Revision whose istiods a Service leads to: its own Service, a tag's, or by what it selects.
fn behind(context: &Context<'_>, wanted: &ServiceReference) -> Option<RevisionName> {
    let reference = ObjectRef::new(Service::KIND, &wanted.namespace, &wanted.name);
    let service = context.object::<Service>(&reference)?;
    let mut revisions = context.mesh.revisions.values();
    if let Some(revision) = revisions.find(|revision| revision.service.as_ref() == Some(&reference)) {
        return Some(revision.name.clone());
    }
    let mut tags = context.mesh.tags.values();
    let of_tag = tags.find(|tag| tag.service.as_ref() == Some(&reference));
    let of_tag = of_tag.and_then(|tag| tag.service_revision.clone());
    of_tag.or_else(|| service.spec.selector.get(REV_LABEL).map(RevisionName::new))
}
