//! One namespace, workload, gateway or pod explained: what it carries now, and what a restart would give.

use meshlift_mesh::{Agreement, GatewayFacts, Injection, Mesh, NamespaceFacts, PodFacts, Workload};
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::names::ObjectRef;
use serde_json::{Value, json};

use super::gateways::details;
use super::screen::refs;
use super::{Subject, SubjectError, json};
use crate::text::{Style, Tone, count, hang};
use crate::words;

enum Found<'a> {
    Namespace(&'a NamespaceFacts),
    Pod(&'a PodFacts),
    Workload(&'a Workload),
    Gateway(&'a GatewayFacts),
}

/// The explanation as text.
///
/// # Errors
/// Where the mesh has no such thing.
pub fn explain(mesh: &Mesh, subject: &Subject, style: Style) -> Result<String, SubjectError> {
    Ok(match find(mesh, subject)? {
        Found::Namespace(namespace) => namespace_text(mesh, namespace, style),
        Found::Pod(pod) => pod_text(mesh, pod, style),
        Found::Workload(workload) => workload_text(workload, style),
        Found::Gateway(gateway) => gateway_text(mesh, gateway, style),
    })
}

/// The explanation as JSON: the facts, under the name of their kind.
///
/// # Errors
/// Where the mesh has no such thing.
pub fn explain_json(mesh: &Mesh, subject: &Subject) -> Result<Value, SubjectError> {
    let (key, value) = match find(mesh, subject)? {
        Found::Namespace(namespace) => {
            let workloads: Vec<_> = in_namespace(mesh, namespace).map(json::workload).collect();
            ("namespace", json!({"facts": namespace, "workloads": workloads}))
        }
        Found::Pod(pod) => ("pod", json!(pod)),
        Found::Workload(workload) => {
            let facts = json!({"facts": json::workload(workload), "on_restart": workload.on_restart,
                "pods": workload.pods, "rules": workload.rules, "state": workload.state});
            ("workload", facts)
        }
        Found::Gateway(gateway) => ("gateway", json!(json::gateway(gateway))),
    };
    Ok(json!({"format_version": FORMAT_VERSION, key: value}))
}

fn find<'a>(mesh: &'a Mesh, subject: &Subject) -> Result<Found<'a>, SubjectError> {
    let found = match subject {
        Subject::Namespace(name) => mesh.namespaces.get(name).map(Found::Namespace),
        Subject::Object(object) if object.kind == "Gateway" => {
            let here = |gateway: &&GatewayFacts| gateway.gateway.short() == object.short();
            mesh.gateways.iter().find(here).map(Found::Gateway)
        }
        // A bare pod is its own workload; as a pod it has more to say.
        Subject::Object(object) => {
            mesh.pods.get(object).map(Found::Pod).or_else(|| mesh.workloads.get(object).map(Found::Workload))
        }
    };
    found.ok_or_else(|| not_there(mesh, subject))
}

fn not_there(mesh: &Mesh, subject: &Subject) -> SubjectError {
    let (subject, near) = match subject {
        Subject::Namespace(name) => (format!("Namespace/{name}"), None),
        Subject::Object(object) => {
            let same_name = |other: &&ObjectRef| other.name == object.name;
            let same_place =
                |other: &&ObjectRef| other.namespace == object.namespace && other.kind == object.kind;
            let all = || mesh.workloads.keys().chain(mesh.pods.keys());
            (object.to_string(), all().find(same_name).or_else(|| all().find(same_place)))
        }
    };
    SubjectError::NotThere { subject, near: near.map_or(String::new(), |near| format!("; there is {near}")) }
}

fn in_namespace<'a>(mesh: &'a Mesh, namespace: &'a NamespaceFacts) -> impl Iterator<Item = &'a Workload> {
    namespace.workloads.iter().filter_map(|workload| mesh.workloads.get(workload))
}

fn line(label: &str, text: &str) -> String {
    hang(&format!("{label:<12}"), text)
}

fn namespace_text(mesh: &Mesh, namespace: &NamespaceFacts, style: Style) -> String {
    let mut text = format!("{}\n", style.heading(&format!("Namespace/{}", namespace.name)));
    text.push_str(&line("LABELS", &namespace.selector.to_string()));
    text.push_str(&line("FOLLOWS", &words::follows(&namespace.follows)));
    if namespace.two_selectors {
        text.push_str(&line("", "both labels are set: istio-injection decides, istio.io/rev has no say"));
    }
    if namespace.ambient {
        text.push_str(&line("AMBIENT", "labelled istio.io/dataplane-mode=ambient"));
    }
    text.push_str(&line("PODS", &count(namespace.pods, "pod")));
    for workload in in_namespace(mesh, namespace) {
        let now: Vec<String> = workload
            .now
            .iter()
            .map(|(revision, pods)| format!("{pods} on {}", words::revision(revision.as_ref())))
            .collect();
        let next = words::revision(workload.on_restart.revision.as_ref());
        let what = format!(
            "{}; restart gives {next}",
            if now.is_empty() { "no pods".into() } else { now.join(", ") }
        );
        text.push_str(&hang(&format!("  {}/{}  ", workload.workload.kind, workload.workload.name), &what));
    }
    text
}

fn pod_text(mesh: &Mesh, pod: &PodFacts, style: Style) -> String {
    let mut states =
        vec![pod.proxy.map_or("no proxy".to_owned(), |kind| format!("{} proxy", words::proxy(kind)))];
    states.push(if pod.ready { "Ready" } else { "not Ready" }.to_owned());
    states.extend(pod.terminating.then(|| "terminating".to_owned()));
    states.extend(pod.finished.then(|| "finished".to_owned()));
    let mut text = format!("{}   {}\n", style.heading(&pod.pod.to_string()), states.join(" · "));
    text.push_str(&line("NOW", &now(pod)));
    text.push_str(&on_restart(&pod.on_restart, style));
    if pod.revision != pod.on_restart.revision && super::screen::carries_injection(pod) {
        let from = words::revision(pod.revision.as_ref());
        let to = words::revision(pod.on_restart.revision.as_ref());
        text.push_str(&line("", &style.paint(Tone::Warn, &format!("it changes on restart: {from} → {to}"))));
    }
    if let Some(redirection) = &pod.redirection {
        text.push_str(&line("AMBIENT", &format!("redirection {redirection}")));
    }
    text.push_str(&line("WORKLOAD", &pod.workload.to_string()));
    if let Some(workload) = mesh.workloads.get(&pod.workload) {
        text.push_str(&controller_lines(workload));
    }
    text
}

fn now(pod: &PodFacts) -> String {
    let side = |name: &str, value: Option<String>| {
        format!("{name} {}", value.unwrap_or_else(|| "says nothing".into()))
    };
    let sides = [
        side("annotation istio.io/rev", pod.revision.as_ref().map(|r| format!("says {r}"))),
        side("sidecar.istio.io/status", pod.status_revision.as_ref().map(|r| format!("says {r}"))),
        side("image", pod.image_version.as_ref().map(|v| format!("is {v}"))),
        match (&pod.connected_to, pod.connection_known) {
            (Some(revision), _) => {
                format!("connected to {revision}, {}", if pod.synced { "synced" } else { "not synced" })
            }
            (None, true) => "connected to no istiod".to_owned(),
            (None, false) => "connection not read".to_owned(),
        },
    ];
    let verdict = match &pod.agreement {
        Agreement::None => return "no proxy: it carries no revision".to_owned(),
        Agreement::Agreed { revision } => format!("{revision}: all sides agree"),
        Agreement::Disagree { how } => format!("unknown: {how}"),
        Agreement::Unread { revision, what } => format!("{revision} by annotation; {what}"),
    };
    let nack = pod.nack.as_ref().map_or(String::new(), |nack| format!("; it REJECTED its config: {nack}"));
    format!("{verdict} ({}){nack}", sides.join("; "))
}

fn on_restart(injection: &Injection, style: Style) -> String {
    let kind = match (&injection.revision, injection.native) {
        (None, _) => String::new(),
        (Some(_), Some(true)) => ", native sidecar".to_owned(),
        (Some(_), Some(false)) => ", classic sidecar".to_owned(),
        (Some(_), None) => ", native or classic: unknown".to_owned(),
    };
    let what = format!("{}{kind}", words::revision(injection.revision.as_ref()));
    let mut text = line("ON RESTART", &what);
    text.push_str(&line("WHY", &injection.why));
    if let Some((configuration, webhook)) = &injection.webhook {
        text.push_str(&line("WEBHOOK", &format!("{webhook} of {configuration}")));
    }
    for (configuration, webhook) in &injection.also {
        text.push_str(&line(
            "ALSO",
            &style.paint(Tone::Bad, &format!("{webhook} of {configuration}: injected twice")),
        ));
    }
    if injection.refused {
        let words = "the injector has no ready endpoint: a new pod would be refused";
        text.push_str(&line("REFUSED", &style.paint(Tone::Bad, words)));
    }
    for uncertain in &injection.uncertain {
        text.push_str(&line("UNCERTAIN", uncertain));
    }
    text
}

fn controller_lines(workload: &Workload) -> String {
    let mut text = line("REPLACES", &words::rules(&workload.rules));
    text.push_str(&line("STATE", &words::rollout(&workload.state)));
    for (label, objects) in [("SERVICES", &workload.services), ("BUDGETS", &workload.budgets)] {
        if !objects.is_empty() {
            text.push_str(&line(label, &refs(objects)));
        }
    }
    if let Some(autoscaler) = &workload.autoscaler {
        text.push_str(&line("HPA", &autoscaler.name));
    }
    if let Some(owner) = &workload.managed_by {
        text.push_str(&line("OWNED BY", owner));
    }
    text
}

fn workload_text(workload: &Workload, style: Style) -> String {
    let mut text = format!("{}\n", style.heading(&workload.workload.to_string()));
    let now: Vec<String> = workload
        .now
        .iter()
        .map(|(revision, pods)| format!("{} on {}", count(*pods, "pod"), words::revision(revision.as_ref())))
        .collect();
    let now = if now.is_empty() { "no pods".to_owned() } else { now.join(", ") };
    text.push_str(&line("NOW", &format!("{now}; {} desired", workload.replicas)));
    let bound = if workload.pod_bound { " (by its own pod template's label)" } else { "" };
    text.push_str(&line("FOLLOWS", &format!("{}{bound}", words::follows(&workload.follows))));
    text.push_str(&on_restart(&workload.on_restart, style));
    text.push_str(&controller_lines(workload));
    text
}

fn gateway_text(mesh: &Mesh, gateway: &GatewayFacts, style: Style) -> String {
    let head = style.heading(&gateway.gateway.to_string());
    let mut text = format!("{head}   {}\n", words::gateway(gateway.kind));
    let running: Vec<String> = gateway
        .running
        .iter()
        .map(|(revision, pods)| format!("{} on {}", count(*pods, "pod"), words::revision(revision.as_ref())))
        .collect();
    let running = if running.is_empty() { "no pods".to_owned() } else { running.join(", ") };
    text.push_str(&line("NOW", &format!("{running}; {} desired", gateway.replicas)));
    text.push_str(&line("FOLLOWS", &words::follows(&gateway.follows)));
    let owner = gateway
        .owner
        .as_ref()
        .map_or("nobody: no control plane serves what it follows".to_owned(), |r| format!("revision {r}"));
    text.push_str(&line("OWNER", &owner));
    if let Some(ignored) = &gateway.ignored {
        text.push_str(&line("IGNORED", ignored));
    }
    if gateway.frozen {
        text.push_str(&line("FROZEN", "spec.infrastructure.labels keeps its pod template as it is"));
    }
    text.push_str(&line("MEETS", &details(mesh, gateway).join(" · ")));
    if let Some(workload) = gateway.deployment.as_ref().and_then(|deployment| mesh.workloads.get(deployment))
    {
        text.push_str(&on_restart(&workload.on_restart, style));
        text.push_str(&controller_lines(workload));
    }
    text
}
