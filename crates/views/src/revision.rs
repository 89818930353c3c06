//! A revision's istiods.

use std::collections::BTreeMap;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::digest::short_digest;
use meshlift_model::effect::RevisionView;
use meshlift_model::injection::revision_of_istiod;
use meshlift_model::k8s::{Deployment, MutatingWebhookConfiguration, Pod};
use meshlift_model::names::{IstioVersion, RevisionName};
use meshlift_model::snapshot::IstiodAnswers;

use crate::source::ObjectSource;

/// The view; absent where none of the revision's objects is there. `answers` are those of istiods, by pod name.
#[must_use]
pub fn view(
    revision: &RevisionName,
    source: &impl ObjectSource,
    answers: &BTreeMap<String, IstiodAnswers>,
) -> Option<RevisionView> {
    let is_own = |label: Option<&str>| label == Some(revision.as_str());
    let deployment = source
        .list_all::<Deployment>()
        .find(|one| one.metadata.label("app") == Some("istiod") && is_own(one.metadata.label(REV_LABEL)));
    let roots = root_cas(source);
    if deployment.is_none() && !roots.iter().any(|(of, _)| of == revision) {
        return None;
    }
    let istiods: Vec<&Pod> = source
        .list_all::<Pod>()
        .filter(|pod| revision_of_istiod(pod).as_ref() == Some(revision) && !pod.is_finished())
        .collect();
    let ready =
        istiods.iter().filter(|pod| pod.is_ready() && pod.metadata.deletion_timestamp.is_none()).count();
    let mut versions: Vec<IstioVersion> = istiods
        .iter()
        .filter_map(|pod| IstioVersion::from_loose(answers.get(&pod.metadata.name)?.version.as_deref()?))
        .collect();
    versions.dedup();
    let of = |own: bool| {
        let mut roots: Vec<String> =
            roots.iter().filter(|(of, _)| (of == revision) == own).map(|(_, root)| root.clone()).collect();
        roots.sort();
        roots.dedup();
        roots
    };
    Some(RevisionView {
        revision: revision.clone(),
        version: if versions.len() == 1 { versions.pop() } else { None },
        ready: i32::try_from(ready).unwrap_or(i32::MAX),
        replicas: deployment.and_then(|one| one.spec.replicas).unwrap_or(0),
        root_ca: of(true).into_iter().next(),
        other_root_cas: of(false),
    })
}

/// Root CAs by revision, as each revision's istiods wrote them into their webhooks.
fn root_cas(source: &impl ObjectSource) -> Vec<(RevisionName, String)> {
    let webhooks = source.list_all::<MutatingWebhookConfiguration>().filter_map(|one| {
        let bundle = &one.webhooks.first()?.client_config.ca_bundle;
        let root = (!bundle.is_empty()).then(|| short_digest(bundle.as_bytes()))?;
        Some((RevisionName::new(one.metadata.label(REV_LABEL)?), root))
    });
    webhooks.collect()
}
