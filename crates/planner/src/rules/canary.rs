//! The first wave: one small namespace that can teach something.

use std::collections::BTreeSet;

use meshlift_model::plan::{Layer, Stage};

use super::draft::Draft;
use super::wave_step;
use crate::survey::{Site, names};

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let (sites, why) = canary(draft);
    if sites.is_empty() {
        return why;
    }
    draft.waves += 1;
    let spaces: Vec<&str> = sites.iter().map(|site| site.namespace.as_str()).collect();
    let title = format!("wave {} canary: {}", draft.waves, names(&spaces));
    let mut step = draft.step(format!("wave-{}", draft.waves), Stage::Canary, Layer::Sidecars, title);
    step.reason = format!("learn cheaply: {why}");
    wave_step::fill(draft, &mut step, &sites, draft.situation.limits.bake_seconds_canary);
    draft.push(step);
    why
}

/// Namespaces of the canary wave, and why these.
pub(super) fn canary<'p>(draft: &Draft<'p, '_>) -> (Vec<&'p Site>, String) {
    let survey = draft.survey;
    let wanted = &draft.situation.intent.order.canary;
    let chosen: Vec<&Site> = wanted.iter().filter_map(|name| survey.sites.get(name)).collect();
    if !chosen.is_empty() {
        return (chosen, "the intent names them".to_owned());
    }
    let ordered: BTreeSet<&String> =
        draft.situation.intent.order.last.iter().chain(&draft.situation.intent.order.first).collect();
    let small: Vec<&Site> = survey
        .sites
        .values()
        .filter(|site| !draft.situation.critical.contains(&site.namespace) && site.failover.is_empty())
        .filter(|site| !ordered.contains(&site.namespace) && site.pods() > 0)
        .filter(|site| site.pods() <= draft.situation.limits.canary_pods_max)
        .collect();
    let telling = small.iter().copied().filter(|site| has_traffic(draft, site) && !has_hazard(draft, site));
    let fewest = |site: &&Site| (site.pods(), site.namespace.clone());
    if let Some(site) = telling.min_by_key(fewest) {
        let why = "no finding that needs a choice, a Service with ready endpoints, fewest pods, then name";
        return (vec![site], why.to_owned());
    }
    match small.into_iter().min_by_key(fewest) {
        Some(site) => {
            (vec![site], "none is without findings and has a Service; the smallest instead".to_owned())
        }
        None => (Vec::new(), "no namespace is small enough and may go first".to_owned()),
    }
}

/// A Service of the namespace has ready endpoints.
fn has_traffic(draft: &Draft<'_, '_>, site: &Site) -> bool {
    let slices = draft.situation.mesh.snapshot.objects.endpoint_slices.iter();
    let mut here = slices.filter(|slice| slice.metadata.namespace == site.namespace);
    here.any(|slice| slice.endpoints.iter().any(|endpoint| endpoint.conditions.ready != Some(false)))
}

fn has_hazard(draft: &Draft<'_, '_>, site: &Site) -> bool {
    let findings = draft.situation.assessment.findings.iter().filter(|finding| finding.needs_choice());
    let mut here = findings.filter_map(|finding| crate::choices::namespace_of(&finding.subject));
    here.any(|namespace| namespace == site.namespace)
}
