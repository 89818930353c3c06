//! ML1052: a pod that a LimitRange would not let in.

use std::collections::BTreeMap;

use meshlift_mesh::by_namespace;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Container, LimitRange, LimitRangeItem, PodSpec, Resources, StringMap};
use meshlift_model::quantity::{Ask, of_containers, of_whole_pod, thousandths};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1052",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A LimitRange would refuse its new pods",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "set the resources of the pod, or of its sidecar by annotation, within the limits",
        why: "Pods that run were let in before the limit was there, or before injection gave them the sidecar that \
              they will have. A new one is refused with its first container that is beyond the limits of its \
              namespace: the rollout stands at its first pod. \
              The twin knows no LimitRange, so a rehearsal does not show it.",
        see: "`kubectl get limitrange -n NAMESPACE -o yaml`; `kubectl get events -n NAMESPACE` says `FailedCreate` \
              once it happens.",
        fix: "Annotations `sidecar.istio.io/proxyCPU`, `proxyMemory`, `proxyCPULimit` and `proxyMemoryLimit` set \
              what the sidecar asks for.",
        sources: &["https://kubernetes.io/docs/concepts/policy/limit-range/"],
    },
    needs: &[WORKLOADS, &["limitranges"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ranges = by_namespace(&context.objects().limit_ranges);
    context
        .restarted()
        .filter(|workload| workload.replicas > 0)
        .filter_map(|workload| {
            let pod = &context.as_injected(workload).spec;
            let ranges = ranges.get(workload.workload.namespace.as_str())?;
            let defaults = defaults(ranges);
            let refused = |range: &&LimitRange| {
                let items = range.spec.limits.iter();
                let mut refusals = items.filter_map(|item| refusal(item, &defaults, pod));
                refusals.next().map(|why| (range.metadata.path(), why))
            };
            let (range, why) = ranges.iter().copied().find_map(|range| refused(&range))?;
            let hit = Hit::new(&workload.workload, format!("LimitRange {range}: {why}"));
            Some(hit.because(format!("{} resources, with its sidecar", workload.workload)))
        })
        .collect()
}

/// What containers get by default: all ranges' are filled in before any limit is looked at.
pub(super) fn defaults<'a>(ranges: &[&'a LimitRange]) -> Vec<&'a LimitRangeItem> {
    let all = ranges.iter().flat_map(|range| &range.spec.limits);
    all.filter(|item| item.type_ == "Container").collect()
}

/// Why a limit refuses a pod (kubernetes: plugin/pkg/admission/limitranger).
fn refusal(item: &LimitRangeItem, defaults: &[&LimitRangeItem], pod: &PodSpec) -> Option<String> {
    match item.type_.as_str() {
        "Container" => pod.all_containers().find_map(|container| {
            let asks = Asked::of(container, defaults);
            asks.beyond(item).map(|why| format!("container {} {why}", container.name))
        }),
        "Pod" => {
            let sum = |ask: Ask, pick: fn(&Asked) -> &BTreeMap<String, i128>| -> BTreeMap<String, i128> {
                let named = item.min.keys().chain(item.max.keys());
                let of = |name: &String| {
                    of_whole_pod(pod, ask, name).unwrap_or_else(|| {
                        of_containers(pod, |one| pick(&Asked::of(one, defaults)).get(name).copied())
                    })
                };
                named.map(|name| (name.clone(), of(name))).collect()
            };
            let requests = sum(Ask::Requests, |one| &one.requests);
            let asks = Asked { requests, limits: sum(Ask::Limits, |one| &one.limits) };
            asks.beyond(item).map(|why| format!("the pod {why}"))
        }
        _ => None,
    }
}

/// Thousandths by resource.
pub(super) struct Asked {
    requests: BTreeMap<String, i128>,
    limits: BTreeMap<String, i128>,
}

impl Asked {
    /// Of a container as it is admitted: a request that it does not name is its limit, or a default.
    pub(super) fn of(container: &Container, defaults: &[&LimitRangeItem]) -> Self {
        let Resources { requests, limits } = &container.resources;
        let limit_defaults: Vec<&StringMap> = defaults.iter().map(|item| &item.default).collect();
        let mut request_defaults: Vec<&StringMap> = vec![&**limits];
        request_defaults.extend(defaults.iter().flat_map(|item| [&item.default_request, &item.default]));
        Self {
            requests: with_defaults(requests, &request_defaults),
            limits: with_defaults(limits, &limit_defaults),
        }
    }

    /// True if it asks for nothing at all.
    pub(super) fn is_nothing(&self) -> bool {
        self.requests.is_empty() && self.limits.is_empty()
    }

    /// True if it says how much there is of what a quota counts; `None` for what nobody has to say.
    pub(super) fn says(&self, counted: &str) -> Option<bool> {
        match counted.split_once('.').unwrap_or(("requests", counted)) {
            ("requests", name @ ("cpu" | "memory")) => Some(self.requests.contains_key(name)),
            ("limits", name @ ("cpu" | "memory")) => Some(self.limits.contains_key(name)),
            _ => None,
        }
    }

    fn beyond(&self, item: &LimitRangeItem) -> Option<String> {
        let least = item.min.iter().find_map(|(name, text)| {
            let (asked, least) = (self.requests.get(name).copied().unwrap_or(0), thousandths(text)?);
            (asked < least).then(|| format!("asks for less {name} than {text}"))
        });
        let most = || {
            item.max.iter().find_map(|(name, text)| {
                let (limit, most) = (self.limits.get(name).copied(), thousandths(text)?);
                match limit {
                    Some(limit) if limit > 0 => {
                        (limit > most).then(|| format!("may take more {name} than {text}"))
                    }
                    Some(_) | None => Some(format!("has no limit of {name}, and {text} is the most")),
                }
            })
        };
        let ratio = || {
            item.max_limit_request_ratio.iter().find_map(|(name, text)| {
                let (request, limit) = (*self.requests.get(name)?, *self.limits.get(name)?);
                let beyond = limit.saturating_mul(1000) > request.saturating_mul(thousandths(text)?);
                beyond.then(|| format!("may take more than {text} times the {name} that it asks for"))
            })
        };
        least.or_else(most).or_else(ratio)
    }
}

fn with_defaults(own: &StringMap, defaults: &[&StringMap]) -> BTreeMap<String, i128> {
    let all = defaults.iter().rev().flat_map(|one| one.iter()).chain(own);
    all.filter_map(|(name, text)| Some((name.clone(), thousandths(text)?))).collect()
}
