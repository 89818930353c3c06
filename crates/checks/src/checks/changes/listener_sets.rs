//! ML4142: listeners that come from XListenerSets.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Gateway, Resource};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Condition by which istiod says whether sets are attached to a Gateway; from 1.30 on a count does.
const ATTACHED: &str = "AttachedListenerSets";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4142",
        layer: Layer::Gateways,
        versions: Versions::Since(30),
        title: "Listeners from XListenerSets are not read any more",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "write each XListenerSet anew as a ListenerSet, and attach its routes to both, before the gateway moves",
        why: "istiod of 1.27 to 1.29 reads XListenerSet of gateway.networking.x-k8s.io where \
              PILOT_ENABLE_ALPHA_GATEWAY_API is true. From 1.30 on it reads ListenerSet of gateway.networking.k8s.io \
              instead, and that alone: the listeners of the old kind go, with their hosts, certificates and routes, \
              and nothing reports it. Applying the Gateway API of 1.5 leaves objects of the old kind where they are, \
              without effect.",
        see: "`kubectl get xlistenersets -A`; `kubectl get gateway.gateway.networking.k8s.io -A -o yaml`: condition AttachedListenerSets is \
              True.",
        fix: "Install the definitions of Gateway API 1.5 and keep that of XListenerSet. Create a ListenerSet beside each \
              XListenerSet, with the same spec, and give its routes both parentRefs: each istiod ignores the kind that \
              it does not read. A ReferenceGrant from XListenerSet needs a twin from ListenerSet. Then choose accept-change: what meshlift sees of the \
              old ones stays until they are taken away, after the upgrade.",
        sources: &[
            "https://gateway-api.sigs.k8s.io/geps/gep-1713/",
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/config/kube/gateway/controller.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/config/kube/gateway/controller.go",
        ],
    },
    needs: &[WORKLOADS, &["gateways.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let has_some = |gateway: &&Gateway| {
        let mut conditions = gateway.status.conditions.iter().filter(|one| one.type_ == *ATTACHED);
        conditions.any(|one| one.status == *"True")
    };
    let gateways = context.objects().gateways.iter().filter(has_some);
    gateways
        .map(|gateway| {
            Hit::new(&gateway.object_ref(), "at least one XListenerSet adds listeners to it")
                .because(format!("{} condition {ATTACHED}=True", gateway.object_ref()))
        })
        .collect()
}
