//! ML4163: policies that name a Gateway of another namespace, or one that serves others.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{AuthorizationPolicy, Gateway, ObjectMeta, Resource, TargetReference, WasmPlugin};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::waypoints::waypoint_of;

/// Class of waypoints.
const WAYPOINTS: &str = "istio-waypoint";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4163",
        layer: Layer::Configuration,
        versions: Versions::Since(25),
        title: "A policy for a Gateway covers other traffic than before",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "name in its targetRefs what both versions read: Services of its namespace, or a Gateway of it",
        why: "Until 1.24 istiod compared the name of the Gateway that a policy targets and not its namespace: policies of the \
              root namespace held for every Gateway of that name, those of a Service's namespace for its waypoint in \
              another one. From 1.25 on a policy holds for Gateways of its own namespace alone: what it denied or demanded \
              is free. And an AuthorizationPolicy for a waypoint begins to hold for Services of other namespaces that use \
              this waypoint; until 1.24 it held for those of its own.",
        see: concat!(
            objects_where!(
                "authorizationpolicy requestauthentication wasmplugin",
                "any(.spec.targetRef, .spec.targetRefs[]?; .kind == \"Gateway\")"
            ),
            "; `kubectl get gateways.gateway.networking.k8s.io -A`."
        ),
        fix: "A policy of the root namespace: copy it into the namespace of each Gateway that it held for; both versions read \
              it there. A policy of a Service's namespace: let it target the Services (kind: Service, group: \"\") instead of \
              the waypoint: a copy beside the waypoint would hold for everybody's Services. One that begins to hold for \
              Services that were never meant: target those that are meant.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/pilot/pkg/model/policyattachment.go",
            "https://github.com/istio/istio/blob/1.25.0/pilot/pkg/model/policyattachment.go",
            "https://github.com/istio/istio/blob/1.25.0/pilot/pkg/model/authorization.go",
        ],
    },
    needs: &[
        WORKLOADS,
        SERVICES,
        &[
            "authorizationpolicies.security.istio.io",
            "requestauthentications.security.istio.io",
            "wasmplugins.extensions.istio.io",
            "gateways.gateway.networking.k8s.io",
            "serviceentries.networking.istio.io",
        ],
    ],
    find,
};

/// What a policy and its namespace have to do with a Gateway of a name.
struct Near<'a> {
    /// Gateways, by namespace and name, with whether each is a waypoint.
    gateways: Vec<(&'a str, &'a str, bool)>,
    /// Namespaces of Services, and the waypoint that they use, of another namespace.
    abroad: BTreeSet<(&'a str, (&'a str, &'a str))>,
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    let gateways = objects.gateways.iter().map(|gateway| {
        let meta = &gateway.metadata;
        (meta.namespace.as_str(), meta.name.as_str(), gateway.spec.gateway_class_name == WAYPOINTS)
    });
    let services = objects.services.iter().map(|one| &one.metadata);
    let served = services.chain(objects.service_entries.iter().map(|one| &one.metadata));
    let used = served.filter_map(|meta| {
        let own = meta.namespace.as_str();
        waypoint_of(context, meta).filter(|(home, _)| *home != own).map(|waypoint| (own, waypoint))
    });
    let near = Near { gateways: gateways.collect(), abroad: used.collect() };
    let hit = |policy: ObjectRef, meta: &ObjectMeta, targets: Vec<&TargetReference>| {
        let target = targets.into_iter().filter(|target| target.kind == Gateway::KIND);
        target.filter_map(|target| near.change(context, &policy, meta, &target.name)).next()
    };
    let authorization = objects.authorization_policies.iter();
    let authorization = authorization.filter_map(|one| {
        hit(one.object_ref(), &one.metadata, targets(one.spec.target_ref.as_ref(), &one.spec.target_refs))
    });
    let authentication = objects.request_authentications.iter();
    let authentication = authentication.filter_map(|one| {
        hit(one.object_ref(), &one.metadata, targets(one.spec.target_ref.as_ref(), &one.spec.target_refs))
    });
    let plugins = objects.wasm_plugins.iter().filter_map(|one| {
        hit(one.object_ref(), &one.metadata, targets(one.spec.target_ref.as_ref(), &one.spec.target_refs))
    });
    authorization.chain(authentication).chain(plugins).collect()
}

/// All targets: the list, or where it is empty the former field.
fn targets<'a>(one: Option<&'a TargetReference>, all: &'a [TargetReference]) -> Vec<&'a TargetReference> {
    if all.is_empty() { one.into_iter().collect() } else { all.iter().collect() }
}

impl Near<'_> {
    fn change(
        &self,
        context: &Context<'_>,
        policy: &ObjectRef,
        meta: &ObjectMeta,
        name: &str,
    ) -> Option<Hit> {
        let own = meta.namespace.as_str();
        let is_plugin = policy.kind == WasmPlugin::KIND;
        let is_authorization = policy.kind == AuthorizationPolicy::KIND;
        let of_root = context.mesh.system_namespaces.iter().any(|root| root == own);
        let mut elsewhere =
            self.gateways.iter().filter(|(namespace, gateway, _)| *gateway == name && *namespace != own);
        let lost = elsewhere.find(|(namespace, _, is_waypoint)| {
            // Of the root namespace's authorization policies none held for the Services of a waypoint.
            let by_root = of_root && !(is_authorization && *is_waypoint);
            let by_service = !is_plugin && self.abroad.contains(&(own, (*namespace, name)));
            by_root || by_service
        });
        if let Some((namespace, ..)) = lost {
            let detail = format!("it does not hold for Gateway {namespace}/{name} any more");
            return Some(Hit::new(policy, detail));
        }
        let served: BTreeSet<&str> = self
            .abroad
            .iter()
            .filter(|(_, waypoint)| *waypoint == (own, name))
            .map(|(user, _)| *user)
            .collect();
        let first = served.first().filter(|_| is_authorization)?;
        let more = crate::new_rules::and_more(served.len());
        Some(Hit::new(
            policy,
            format!("it begins to hold for Services of {first}{more} behind waypoint {name}"),
        ))
    }
}
