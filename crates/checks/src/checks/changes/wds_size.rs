//! ML4135: an ambient mesh that ztunnels can name to istiod no more.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Agent, Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Workloads from which on a request does not fit: as the upgrade notes say.
const TOO_MANY: usize = 40_000;
/// Size of a message that istiod takes. The name is misspelt upstream.
const FLAG: &str = "ISTIO_GPRC_MAXRECVMSGSIZE";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4135",
        layer: Layer::Ambient,
        versions: Versions::SinceOf(Agent::Ztunnel, 31),
        title: "ztunnels of a mesh of this size cannot reconnect",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "set ISTIO_GPRC_MAXRECVMSGSIZE on the new istiod, about 1 MiB for each 10,000 workloads and Services",
        why: "A ztunnel that reconnects names every workload and Service that it knows, from 1.31 on with its \
              version. From about 40,000 on the message is over the 4 MiB that istiod takes: ztunnel reconnects \
              for ever, and gets no news. The twin knows no sizes of messages, so a rehearsal does not show it.",
        see: "`kubectl get pods,services -A --no-headers | wc -l` is about 40,000 or more; afterwards istiod logs \
              `ResourceExhausted: grpc: received message larger than max`.",
        fix: "With helm: `--set-string env.ISTIO_GPRC_MAXRECVMSGSIZE=33554432` of chart istiod. With istioctl: \
              `spec.values.pilot.env.ISTIO_GPRC_MAXRECVMSGSIZE: \"33554432\"`, with its quotes, in the file for \
              `istioctl install -f`; its `--set` writes 3.3554432e+07, which istiod does not read. That is 32 MiB \
              (GPRC is how Istio spells it), enough for more than 300,000.",
        sources: &["https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/"],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let resources = context.mesh.pods.len() + context.objects().services.len();
    if resources < TOO_MANY || context.targets().any(|revision| context.istiod_env(revision, FLAG).is_some())
    {
        return Vec::new();
    }
    let agents = context.mesh.ambient.ztunnels.iter();
    agents
        .map(|agent| Hit::new(agent, format!("it knows about {resources} workloads and Services")))
        .collect()
}
