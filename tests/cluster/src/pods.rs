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
/// Where a pod says how far it is.
const PHASE: &str = ".status.phase";
/// Where a pod or a node says that it is ready.
const READY: &str = ".status.conditions.[] | select( .type == \"Ready\" ) | .status";

/// KWOK's configuration: a list of `Stage` objects.
pub(crate) fn stages(pods: PodsAre) -> Value {
    let mut all = start_stages(pods);
    all.extend(flap_stages());
    all.push(stage(
        "pod-completes",
        &[alive(), is(PHASE, "In", &["Running"]), is(".metadata.ownerReferences.[].kind", "In", &["Job"])],
        delay(JOB_MILLIS, None),
        json!({"statusTemplate": COMPLETED}),
    ));
    all.push(stage(
        "pod-deleted",
        &[json!({"key": ".metadata.deletionTimestamp", "operator": "Exists"})],
        delay(pods.stops_after_millis, Some(STOPS_AFTER)),
        json!({"delete": true}),
    ));
    all.extend([node_stage(), lease_stage()]);
    Value::Array(all)
}

/// From scheduled to running: ready, or not.
fn start_stages(pods: PodsAre) -> Vec<Value> {
    let started = |name: &str, stays: Value, ready: bool| {
        let scheduled = json!({"key": ".spec.nodeName", "operator": "Exists"});
        let when = [alive(), scheduled, is(PHASE, "In", &["Pending"]), stays];
        stage(name, &when, delay(pods.ready_after_millis, Some(READY_AFTER)), status(RUNNING, ready))
    };
    let stays = annotation(STAYS);
    vec![
        started("pod-ready", is(&stays, "NotIn", &["unready", "pending"]), true),
        started("pod-runs-unready", is(&stays, "In", &["unready"]), false),
    ]
}

/// Ready for a while, then not, then again.
fn flap_stages() -> Vec<Value> {
    let flaps = |name: &str, from: &str, ready: bool| {
        let flapping = is(&annotation(STAYS), "In", &["flapping"]);
        let when = [alive(), flapping, is(PHASE, "In", &["Running"]), is(READY, "In", &[from])];
        stage(name, &when, delay(FLAP_MILLIS, None), status(READINESS, ready))
    };
    vec![flaps("pod-flaps-away", "True", false), flaps("pod-flaps-back", "False", true)]
}

fn annotation(key: &str) -> String {
    format!(".metadata.annotations[\"{key}\"]")
}

fn is(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({"key": key, "operator": operator, "values": values})
}

fn alive() -> Value {
    json!({"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"})
}

/// That long, unless an annotation of the pod says otherwise.
fn delay(millis: u64, from: Option<&str>) -> Value {
    let told = from.map(|key| json!({"expressionFrom": annotation(key)}));
    match told {
        Some(told) => json!({"durationMilliseconds": millis, "durationFrom": told}),
        None => json!({"durationMilliseconds": millis}),
    }
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

/// Becomes Ready or is no longer, as kubelet says it.
fn status(template: &str, ready: bool) -> Value {
    let word = if ready { "True" } else { "False" };
    json!({"statusTemplate": template.replace("$READY", word).replace("$ready", &ready.to_string())})
}

fn node_stage() -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "node-ready"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Node"},
            "selector": {"matchExpressions": [is(READY, "NotIn", &["True"])]},
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
            "selector": {"matchExpressions": [is(PHASE, "In", &["Running"]), is(READY, "In", &["True"])]},
            "delay": {"durationMilliseconds": 600_000, "jitterDurationMilliseconds": 610_000},
            "next": {"statusTemplate": "conditions:\n{{ range NodeConditions }}\n- lastHeartbeatTime: {{ Now | Quote }}\n  lastTransitionTime: {{ Now | Quote }}\n  message: {{ .message | Quote }}\n  reason: {{ .reason | Quote }}\n  status: {{ .status | Quote }}\n  type: {{ .type | Quote }}\n{{ end }}\n"},
            "immediateNextStage": true,
        },
    })
}

/// A running pod's status.
const RUNNING: &str = include_str!("pods/running.yaml");
/// What changes of it when its readiness does: addresses, sent again, would be added to those it has.
const READINESS: &str = include_str!("pods/readiness.yaml");
/// A finished pod's status.
const COMPLETED: &str = include_str!("pods/completed.yaml");
/// A node's status: it keeps the kubelet's version that it was created with.
const NODE: &str = include_str!("pods/node.yaml");
