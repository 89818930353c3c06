//! All checks, one file each; what versions changed, in `changes`. The order is that of their codes.

use crate::check::Check;

/// The command that shows what admission makes of a Deployment's next pod.
macro_rules! dry_run_of_a_pod {
    () => {
        "`kubectl get deploy NAME -n NAMESPACE -o json | jq '{apiVersion: \"v1\", kind: \"Pod\", metadata: \
         (.spec.template.metadata + {generateName: \"probe-\"}), spec: .spec.template.spec}' | kubectl create \
         -n NAMESPACE --dry-run=server -o yaml -f -`"
    };
}

/// The command that names objects of some kinds by a condition of jq; kinds that are not served are passed over.
macro_rules! objects_where {
    ($kinds:literal, $condition:literal) => {
        concat!(
            "`for kind in ",
            $kinds,
            "; do kubectl get $kind -A -o json 2>/dev/null; done | jq -r '.items[] | select(",
            $condition,
            ") | .kind + \"/\" + .metadata.namespace + \"/\" + .metadata.name'`"
        )
    };
}

mod gap;
mod keepers;
mod placement;
mod reach;
mod subset;
mod unserved;
mod webhook_service;

macro_rules! checks {
    (
        before: { $( $before:ident ),* $(,)? }
        changes: { $( $change:ident ),* $(,)? }
        after: { $( $after:ident ),* $(,)? }
    ) => {
        $( mod $before; )*
        mod changes { $( pub(super) mod $change; )* }
        $( mod $after; )*

        /// All checks.
        pub(crate) static CHECKS: &[Check] = &[
            $( $before::CHECK, )*
            $( changes::$change::CHECK, )*
            $( $after::CHECK, )*
        ];
    };
}

checks! {
    before: {
        gateway_api_too_old,
        crd_owner,
        one_way_crds,
        stored_versions,
        fields_dropped,
        unread_object,
        gap_none_kept,
        gap_recreate,
        gap_no_probe,
        gap_too_early,
        stuck_quota,
        stuck_rollout,
        paused,
        no_room,
        one_at_a_time,
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
        limit_range,
        policy_blocks_istiod,
        pull_secret,
        admission_since,
        architectures,
        long_unproven,
        pod_security,
        operator_owned,
        held_runs,
        scaled_by_mesh,
        quota_demands,
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
        gateway_bundled,
        waypoint_grace,
        network_gateways,
        envoy_filter,
        route_to_empty_subset,
        empty_subset,
        pinned_config,
        refused_config,
        filter_behind_router,
    }
    changes: {
        same_host,
        cni_excluded,
        gateway_elsewhere,
        mirror_host,
        entry_without_resolution,
        stats_compression,
        removed_flag,
        sidecar_scope,
        telemetry_attributes,
        rule_tls,
        rule_merge,
        default_retries,
        dns_order,
        csr_alpn,
        operator_gone,
        dns_exclusions,
        internal_headers,
        auto_allocation,
        removed_tracers,
        ambient_dns,
        gateways_leave_ambient,
        ztunnel_renamed,
        agent_network,
        many_connections,
        inference_pool,
        tls_policy,
        debug_consumers,
        breaker_metrics,
        dry_run_policies,
        reconciled_rules,
        base_removals,
        jwks_blocked,
        unhealthy_endpoints,
        zone_aware,
        wds_size,
        registered_vms,
        dashboards,
        configuration_stream,
        cni_file,
        native_by_default,
        cni_folder,
        listener_sets,
        provider_names,
        interface_names,
        wasm_names,
        listener_protocol,
        routes_begin,
        tls_route_hosts,
        mirror_fraction,
        route_retries,
        cors_begins,
        cors_origins,
        client_certificates,
        route_nowhere,
        waypoint_routes,
        inject_words,
        merged_metrics,
        tls_minimum,
        policy_patterns,
        traffic_distribution,
        filters_of_waypoints,
        cni_excluded_sidecars,
        policy_targets,
        budgets_not_rendered,
        host_letters,
        wasm_refuses,
        failover_priority,
        refused_later,
        retry_budget,
        account_patterns,
        client_protocol,
        waypoint_retries,
        ingress_waypoint,
        connection_limit,
        init_image,
        cni_folder_k3s,
        two_kinds_of_routes,
        several_grants,
        header_values,
        parent_elsewhere,
        certificates_by_account,
        h2_order,
        rule_and_policy,
        no_network,
        stop_hook,
        subset_budget,
        waypoint_hash,
        external_secrets,
        h2_unnamed,
        default_export,
        wasm_realm,
        dns_servers,
        nft_on_nodes,
    }
    after: {
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
        different_roots,
        istiod_headroom,
        several_clusters,
        leftovers,
        default_torn,
        default_missing,
        kubernetes_untested,
        machines,
        istiods_together,
        other_root,
        kiali_too_old,
        target_unknown,
        other_settings,
        istiod_at_maximum,
        field_owners,
        istiod_cpu,
        discovery_address,
        istiod_room,
        ztunnel_grace,
        mixed_data_planes,
        shared_node_agents,
        agents_down,
        cilium_exclusive,
        cni_nftables,
        agents_at_once,
    }
}
