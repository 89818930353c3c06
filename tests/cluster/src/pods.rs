//! How pods behave: KWOK's stages, steered by annotations on the pod.

use serde_json::{Value, json};

/// Annotation on a pod: how long it takes to become Ready, as a Go duration (`5s`).
pub const READY_AFTER: &str = "test.meshlift.dev/ready-after";
/// Annotation on a pod: how long it takes to end after its deletion, as a Go duration.
pub const STOPS_AFTER: &str = "test.meshlift.dev/stops-after";
/// Annotation on a pod: what it stays, `unready`, `flapping` or `pending`; other pods become and stay Ready.
pub const STAYS: &str = "test.meshlift.dev/stays";

/// How pods without annotations behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodsAre {
    /// Milliseconds from being scheduled to Ready.
    pub ready_after_millis: u64,
    /// Milliseconds from deletion to being gone.
    pub stops_after_millis: u64,
}

impl Default for PodsAre {
    /// Quick, but never at once: what takes no time hides what happens meanwhile.
    fn default() -> Self {
        Self { ready_after_millis: 300, stops_after_millis: 300 }
    }
}

/// Time that a flapping pod stays in one state.
const FLAP_MILLIS: u64 = 2000;
/// Time that a Job's container runs.
const JOB_MILLIS: u64 = 1000;

/// KWOK's configuration: a list of `Stage` objects.
pub(crate) fn stages(pods: PodsAre) -> Value {
    let annotation = |key: &str| format!(".metadata.annotations[\"{key}\"]");
    let stays = annotation(STAYS);
    let is = |key: &str, operator: &str, values: &[&str]| json!({"key": key, "operator": operator, "values": values});
    let alive = json!({"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"});
    let scheduled = json!({"key": ".spec.nodeName", "operator": "Exists"});
    let phase = ".status.phase";
    let ready = ".status.conditions.[] | select( .type == \"Ready\" ) | .status";
    let owner = ".metadata.ownerReferences.[].kind";
    let delay = |millis: u64, from: Option<&str>| match from {
        Some(key) => {
            json!({"durationMilliseconds": millis, "durationFrom": {"expressionFrom": annotation(key)}})
        }
        None => json!({"durationMilliseconds": millis}),
    };
    let flap = delay(FLAP_MILLIS, None);
    json!([
        stage(
            "pod-ready",
            &[
                alive.clone(),
                scheduled.clone(),
                is(phase, "In", &["Pending"]),
                is(&stays, "NotIn", &["unready", "pending"])
            ],
            delay(pods.ready_after_millis, Some(READY_AFTER)),
            status(true)
        ),
        stage(
            "pod-runs-unready",
            &[
                alive.clone(),
                scheduled.clone(),
                is(phase, "In", &["Pending"]),
                is(&stays, "In", &["unready"])
            ],
            delay(pods.ready_after_millis, Some(READY_AFTER)),
            status(false)
        ),
        stage(
            "pod-flaps-away",
            &[
                alive.clone(),
                is(&stays, "In", &["flapping"]),
                is(phase, "In", &["Running"]),
                is(ready, "In", &["True"])
            ],
            flap.clone(),
            status(false)
        ),
        stage(
            "pod-flaps-back",
            &[
                alive.clone(),
                is(&stays, "In", &["flapping"]),
                is(phase, "In", &["Running"]),
                is(ready, "In", &["False"])
            ],
            flap,
            status(true)
        ),
        stage(
            "pod-completes",
            &[alive, is(phase, "In", &["Running"]), is(owner, "In", &["Job"])],
            delay(JOB_MILLIS, None),
            json!({"statusTemplate": COMPLETED})
        ),
        stage(
            "pod-deleted",
            &[json!({"key": ".metadata.deletionTimestamp", "operator": "Exists"})],
            delay(pods.stops_after_millis, Some(STOPS_AFTER)),
            json!({"delete": true})
        ),
        node_stage(),
        lease_stage(),
    ])
}

fn stage(name: &str, when: &[Value], delay: Value, next: Value) -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": when},
            "delay": delay,
            "next": next,
        },
    })
}

/// Becomes Ready, as kubelet says it.
fn status(ready: bool) -> Value {
    let word = if ready { "True" } else { "False" };
    json!({"statusTemplate": RUNNING.replace("$READY", word).replace("$ready", &ready.to_string())})
}

fn node_stage() -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "node-ready"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Node"},
            "selector": {"matchExpressions": [{
                "key": ".status.conditions.[] | select( .type == \"Ready\" ) | .status",
                "operator": "NotIn",
                "values": ["True"],
            }]},
            "next": {"statusTemplate": NODE},
        },
    })
}

/// Heartbeats: the node controller evicts the pods of nodes that are silent.
fn lease_stage() -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "node-heartbeat"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Node"},
            "selector": {"matchExpressions": [
                {"key": ".status.phase", "operator": "In", "values": ["Running"]},
                {"key": ".status.conditions.[] | select( .type == \"Ready\" ) | .status", "operator": "In", "values": ["True"]},
            ]},
            "delay": {"durationMilliseconds": 600_000, "jitterDurationMilliseconds": 610_000},
            "next": {"statusTemplate": "conditions:\n{{ range NodeConditions }}\n- lastHeartbeatTime: {{ Now | Quote }}\n  lastTransitionTime: {{ Now | Quote }}\n  message: {{ .message | Quote }}\n  reason: {{ .reason | Quote }}\n  status: {{ .status | Quote }}\n  type: {{ .type | Quote }}\n{{ end }}\n"},
            "immediateNextStage": true,
        },
    })
}

/// A running pod's status.
const RUNNING: &str = include_str!("pods/running.yaml");
/// A finished pod's status.
const COMPLETED: &str = include_str!("pods/completed.yaml");
/// A node's status: it keeps the kubelet's version that it was created with.
const NODE: &str = include_str!("pods/node.yaml");
