//! ML2010: more than one webhook matches.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2010",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "Two injectors match the same pod",
        severity: Severity::Block,
        consequence: Consequence::Selection,
        offers: &["hold-namespace"],
        may_accept_unknown: false,
        hint: "remove or correct one of the two webhook configurations",
        why: "Each pod is injected twice and the last webhook in the order of names wins. Which revision that \
              is changes when somebody adds a tag or a revision.",
        see: "`meshlift inspect KIND/NAMESPACE/NAME` names both webhooks; `istioctl analyze` says IST0139.",
        fix: "`kubectl get mutatingwebhookconfigurations -l app=sidecar-injector` lists them: one whose istiod is gone is stale, \
              `kubectl delete mutatingwebhookconfiguration NAME`. Where both have an istiod, take one of the two labels away \
              from the namespace (istio-injection, istio.io/rev).",
        sources: &["https://istio.io/latest/docs/reference/config/analysis/ist0139/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let twice = context.proxied().filter(|workload| !workload.on_restart.also.is_empty());
    twice
        .map(|workload| {
            let injection = &workload.on_restart;
            let all: Vec<String> = injection
                .webhook
                .iter()
                .chain(&injection.also)
                .map(|(configuration, _)| configuration.clone())
                .collect();
            Hit::new(&workload.workload, format!("{} all match its pods", all.join(" and ")))
                .because(injection.why.as_str())
        })
        .collect()
}
