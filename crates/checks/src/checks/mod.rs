//! All checks, one file each. The order is that of their codes.

use crate::check::Check;

mod gap;
mod subset;
mod unserved;
mod webhook_service;

macro_rules! checks {
    ($( $name:ident ),* $(,)?) => {
        $( mod $name; )*

        /// All checks.
        pub(crate) static CHECKS: &[Check] = &[ $( $name::CHECK, )* ];
    };
}

checks! {
    gateway_api_too_old,
    gap_none_kept,
    gap_recreate,
    gap_no_probe,
    gap_too_early,
    stuck_quota,
    stuck_rollout,
    paused,
    no_room,
    below_budget,
    budget_without_room,
    several_budgets,
    on_delete,
    partition,
    bare_pod,
    foreign_owner,
    next_run,
    exposed,
    nothing_to_spare,
    dips,
    classic,
    shape_change,
    autoscaler_at_minimum,
    rollout_running,
    asleep,
    mutable_image,
    reference_gone,
    two_selectors,
    unserved_injected,
    unserved_bare,
    bare_pin,
    pod_bound,
    ambient_unserved,
    sidecar_lost,
    sidecar_gained,
    mixed_revisions,
    two_injectors,
    uncertain,
    label_ignored,
    label_from_git,
    gateway_in_place,
    gateway_drain,
    gateway_label_ignored,
    gateway_probes,
    gateway_secret,
    gateway_single,
    gateway_rolls_with_selector,
    gateway_unowned,
    envoy_filter,
    route_to_empty_subset,
    empty_subset,
    pinned_config,
    same_host,
    cni_excluded,
    gateway_elsewhere,
    mirror_host,
    entry_without_resolution,
    stats_compression,
    removed_flag,
    rejected,
    not_synced,
    disagreement,
    half_installed,
    injector_broken,
    validator_broken,
    tag_torn,
    skew,
    kubernetes_too_old,
    root_ca,
    gateways_emptied,
    registry_ends,
    istiod_single,
    ztunnel_grace,
    mixed_data_planes,
    shared_node_agents,
}
