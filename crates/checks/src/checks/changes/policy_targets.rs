//! ML4163: policies that name a Gateway of another namespace, or one that serves others.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{AuthorizationPolicy, Gateway, Resource, TargetReference, WasmPlugin};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::new_rules::and_more;
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
    find: Find::Mesh(find),
};

/// What a policy and its namespace have to do with a Gateway of a name.
struct Near<'a> {
    /// Namespaces of the Gateways of a name, with whether each is a waypoint.
    gateways: BTreeMap<&'a str, Vec<(&'a str, bool)>>,
    /// Namespaces with Services that use a waypoint of another one, by its namespace and name.
    abroad: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    let near = Near::new(context);
    let authorization = objects.authorization_policies.iter();
    let authorization =
        authorization.map(|one| (one.object_ref(), targets(&one.spec.target_ref, &one.spec.target_refs)));
    let authentication = objects.request_authentications.iter();
    let authentication =
        authentication.map(|one| (one.object_ref(), targets(&one.spec.target_ref, &one.spec.target_refs)));
    let plugins = objects.wasm_plugins.iter();
    let plugins = plugins.map(|one| (one.object_ref(), targets(&one.spec.target_ref, &one.spec.target_refs)));
    let policies = authorization.chain(authentication).chain(plugins);
    let change = |(policy, targets): (ObjectRef, &[TargetReference])| {
        let mut gateways = targets.iter().filter(|target| target.kind == Gateway::KIND);
        gateways.find_map(|target| near.change(context, &policy, &target.name))
    };
    policies.filter_map(change).collect()
}

/// All targets: the list, or where it is empty the former field.
fn targets<'a>(one: &'a Option<TargetReference>, all: &'a [TargetReference]) -> &'a [TargetReference] {
    if all.is_empty() { one.as_slice() } else { all }
}

impl<'a> Near<'a> {
    fn new(context: &Context<'a>) -> Self {
        let objects = context.objects();
        let mut near = Self { gateways: BTreeMap::new(), abroad: BTreeMap::new() };
        for gateway in &objects.gateways {
            let is_waypoint = gateway.spec.gateway_class_name == WAYPOINTS;
            let of_name = near.gateways.entry(&gateway.metadata.name).or_default();
            of_name.push((&gateway.metadata.namespace, is_waypoint));
        }
        let services = objects.services.iter().map(|one| &one.metadata);
        for meta in services.chain(objects.service_entries.iter().map(|one| &one.metadata)) {
            let waypoint = waypoint_of(context, meta).filter(|(home, _)| *home != meta.namespace);
            if let Some(waypoint) = waypoint {
                near.abroad.entry(waypoint).or_default().insert(&meta.namespace);
            }
        }
        near
    }

    fn change(&self, context: &Context<'_>, policy: &ObjectRef, name: &str) -> Option<Hit> {
        let own = policy.namespace.as_str();
        let is_plugin = policy.kind == WasmPlugin::KIND;
        let is_authorization = policy.kind == AuthorizationPolicy::KIND;
        let of_root = context.mesh.system_namespaces.iter().any(|root| root == own);
        let users = |waypoint| self.abroad.get(&waypoint);
        let mut elsewhere = self.gateways.get(name).into_iter().flatten().filter(|(home, _)| *home != own);
        let lost = elsewhere.find(|(home, is_waypoint)| {
            // Of the root namespace's authorization policies none held for the Services of a waypoint.
            let by_root = of_root && !(is_authorization && *is_waypoint);
            by_root || !is_plugin && users((*home, name)).is_some_and(|users| users.contains(own))
        });
        if let Some((home, _)) = lost {
            return Some(Hit::new(policy, format!("it does not hold for Gateway {home}/{name} any more")));
        }
        let served = users((own, name)).filter(|_| is_authorization)?;
        let (first, more) = (served.first()?, and_more(served.len()));
        let detail = format!("it begins to hold for Services of {first}{more} behind waypoint {name}");
        Some(Hit::new(policy, detail))
    }
}
