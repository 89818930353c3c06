//! ML1003: ready before it listens.

use meshlift_model::finding::{Consequence, Severity};

use super::gap::{GAP_NEEDS, gap};
use crate::check::{Check, Entry, Find, Layer, Versions};
use crate::traffic::GapCause;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1003",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "New pods get requests before they listen",
        severity: Severity::Block,
        consequence: Consequence::Gap,
        offers: &["accept-loss", "failover-elsewhere"],
        may_accept_unknown: true,
        hint: "give the serving container a readiness probe, or choose accept-loss or failover-elsewhere",
        why: "Without a readiness probe a pod is Ready as soon as its containers run and its proxy is ready. The \
              app needs longer: until it listens, the proxy answers its requests with 503, which Istio from 1.24 \
              on does not retry by default. The probe that counts is the one of the container that serves the \
              Service's port; injection adds none to it.",
        see: "`kubectl get pod NAME -n NAMESPACE -o yaml`: the container that declares the Service's target port has \
              neither readinessProbe nor startupProbe.",
        fix: "Add a readiness probe to the container. This changes the template, so it restarts the workload \
              once: do it before the upgrade.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes"],
    },
    needs: GAP_NEEDS,
    find: Find::Restarted(|context, workload| gap(context, workload, &[GapCause::NoProbe])),
};
