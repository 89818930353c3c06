//! ML4111: several DestinationRules for a host, each for other namespaces.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4111",
        layer: Layer::Configuration,
        versions: Versions::Since(24),
        title: "DestinationRules of one host are no longer merged",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "put everything that a namespace needs into the rule that it sees",
        why: "Several DestinationRules of one namespace for the same host were merged into one. From 1.24 on those \
              whose exportTo have no namespace in common stay apart: whoever sees one of them loses the subsets \
              and policies of the others.",
        see: "`kubectl get destinationrule -A -o \
              custom-columns=:metadata.namespace,:metadata.name,:spec.host,:spec.exportTo`.",
        fix: "Write one rule for each audience, whole. To decide later: env \
              ENABLE_ENHANCED_DESTINATIONRULE_MERGE=false on the new istiod keeps them merged.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/change-notes/"],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut rules: BTreeMap<(&str, &str), Vec<&DestinationRule>> = BTreeMap::new();
    for rule in &context.objects().destination_rules {
        rules.entry((&rule.metadata.namespace, &rule.spec.host)).or_default().push(rule);
    }
    let several = rules.into_iter().filter(|(_, rules)| rules.len() > 1);
    several
        .flat_map(|((_, host), rules)| {
            let (first, others) =
                rules.split_first().map_or((None, &[][..]), |(first, others)| (Some(*first), others));
            let apart = others
                .iter()
                .filter_map(move |other| first.filter(|first| are_apart(first, other)).zip(Some(*other)));
            let hits: Vec<Hit> = apart
                .map(|(first, other)| {
                    let (first, other) = (first.object_ref(), other.object_ref());
                    Hit::new(&other, format!("{host}: nobody sees it together with {first} any more"))
                        .because(format!("{first} is for the same host, and exported to other namespaces"))
                })
                .collect();
            hits
        })
        .collect()
}

/// True if no namespace sees both.
fn are_apart(one: &DestinationRule, other: &DestinationRule) -> bool {
    let all = |rule: &DestinationRule| {
        rule.spec.export_to.is_empty() || rule.spec.export_to.iter().any(|name| name == "*")
    };
    !all(one) && !all(other) && !one.spec.export_to.iter().any(|name| other.spec.export_to.contains(name))
}
