//! Guardrails as patches for Git: for each object the smallest fragment that takes its findings away, ready for kustomize
//! (`patches:`), `kubectl patch`, or to be merged by hand.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use meshlift_checks::Assessment;
use meshlift_mesh::Mesh;
use meshlift_mesh::RolloutRules;
use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Finding, Verdict};
use meshlift_model::k8s::{Container, HorizontalPodAutoscaler, KindInfo, Resource, StringMap};
use meshlift_model::names::{ObjectRef, minor_of};
use serde_json::{Value, json};

use file::{file, has_plain_names, merge, one_line, path};

/// Seconds of grace that an app has left after a hook.
const AFTER_HOOK_SECONDS: i64 = 30;

/// Keys of a quota that count pods.
const POD_KEYS: [&str; 2] = ["pods", "count/pods"];
/// First version of Kubernetes whose containers may sleep before they stop without its administrator's doing.
const SLEEP_SINCE: (u32, u32) = (1, 30);
/// What goes for a sleep where nobody knows what runs.
const SLEEP_MIND: &str =
    "Kubernetes is 1.30 or newer, which is not known here: older ones have no preStop sleep";
/// What goes for a second pod beside the only one.
const SIDE_BY_SIDE: &str = "two versions of it may run side by side";
/// What goes for all that is raised for a while.
const WAVE: &str = "it goes back once its wave is over";
/// Name of the file that tells what became of each finding.
const INDEX: &str = "INDEX.md";
/// How fragments are applied. Applied as if they were the whole object, they would take away what they do not name.
const INDEX_HEAD: &str = "# Patches

What `meshlift check -o patch` made of each finding.

A patch is a fragment of its object. Run the `kubectl patch … --patch-file FILE` at its head in this folder, or name it under
`patches:` of a kustomization, with `target:` where the base does not say the object's namespace. Never `kubectl apply -f` it: that
takes away what an earlier apply wrote and the fragment does not name, such as labels.

";

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// `NAMESPACE/KIND-NAME.yaml`, and the index beside the folders.
    pub path: String,
    /// Its text: comments that say what it is for, and the fragment.
    pub text: String,
}

/// What one finding asks for.
struct Wish {
    object: ObjectRef,
    fragment: Value,
    /// What its owner has to agree with.
    mind: Option<&'static str>,
}

/// Patches, and what became of each finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patches {
    /// All patches, by path.
    pub files: Vec<Patch>,
    /// A file that names the patch of each finding, or why it has none.
    pub index: Patch,
}

/// All patches of these findings.
#[must_use]
pub fn patches(mesh: &Mesh, assessment: &Assessment, findings: &[&Finding]) -> Patches {
    let mut objects: BTreeMap<ObjectRef, (Value, BTreeSet<String>)> = BTreeMap::new();
    let mut rows = String::new();
    for finding in findings {
        let wish = settled(mesh, assessment, finding);
        let file = match &wish {
            Ok(wish) => format!("`{}`", path(&wish.object)),
            Err(why) => format!("no patch: {why}"),
        };
        let [subject, file] =
            [finding.subject.to_string(), file].map(|cell| one_line(&cell).replace('|', "\\|"));
        let _ = writeln!(rows, "| {} | {subject} | {file} |", finding.code);
        let Ok(wish) = wish else { continue };
        let (fragment, comments) = objects.entry(wish.object).or_insert_with(|| (json!({}), BTreeSet::new()));
        merge(fragment, wish.fragment);
        comments.insert(format!("{} {}: {}", finding.code, finding.title, finding.detail));
        comments.extend(wish.mind.map(|mind| format!("only if {mind}")));
    }
    let files = objects
        .into_iter()
        .filter_map(|(object, (fragment, comments))| file(&object, fragment, &comments))
        .collect();
    let text = format!("{INDEX_HEAD}| code | subject | patch |\n|---|---|---|\n{rows}");
    Patches { files, index: Patch { path: INDEX.to_owned(), text } }
}

/// True for the text of a patch, of this run or of another.
#[must_use]
pub fn is_patch(text: &str) -> bool {
    text.starts_with("# ML")
}

/// What takes a finding away, or why nothing that is written here does.
fn settled(mesh: &Mesh, assessment: &Assessment, finding: &Finding) -> Result<Wish, String> {
    if let Some(why) = hindrance(mesh, assessment, finding) {
        return Err(why);
    }
    let wish = wish(mesh, assessment, finding).ok_or_else(|| no_patch(finding))?;
    let kind = KindInfo::of(&wish.object.kind).ok_or("its kind is not known")?;
    if wish.object.kind == "Pod" {
        return Err("what a pod is cannot be changed while it runs: whoever makes it has to".to_owned());
    }
    // Snapshots are passed on: what they call things becomes no path, and no word of a command, unless a cluster would have
    // taken it.
    if !has_plain_names(kind, &wish.object) {
        return Err("its namespace or its name is none that Kubernetes takes".to_owned());
    }
    Ok(wish)
}

/// What is in the way of a fragment that would take a finding away.
fn hindrance(mesh: &Mesh, assessment: &Assessment, finding: &Finding) -> Option<String> {
    if finding.verdict == Verdict::Unknown {
        return Some("it could not be judged".to_owned());
    }
    if finding.code != "ML1040" {
        return None;
    }
    // Where no sleep would do, there is nothing to hinder.
    assessment.workloads.get(&finding.subject)?.cure_sleep_seconds?;
    // A container takes one hook: a sleep beside another action is refused.
    let hooked = |container: &&Container| {
        container.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.pre_stop.is_some())
    };
    if let Some(container) = serving(mesh.workloads.get(&finding.subject)?).into_iter().find(hooked) {
        let name = &container.name;
        return Some(format!(
            "its container {name} has a preStop hook, and only its owner knows what that waits for"
        ));
    }
    let version = mesh.snapshot.kubernetes_version.as_deref()?;
    (minor_of(version)? < SLEEP_SINCE)
        .then(|| format!("a preStop sleep needs Kubernetes 1.30, and {version} runs"))
}

/// Why no fragment takes a finding away.
fn no_patch(finding: &Finding) -> String {
    match finding.code.as_str() {
        "ML1003" => "only its owner knows by what it tells that it listens".to_owned(),
        "ML1010" => "how much of it to give is for the owner of the quota".to_owned(),
        "ML3001" | "ML3002" => "the times to wait depend on the load balancer".to_owned(),
        _ => format!("it needs a person: {}", finding.hint),
    }
}

/// What takes a finding away, where one fragment does and all of it is known.
fn wish(mesh: &Mesh, assessment: &Assessment, finding: &Finding) -> Option<Wish> {
    let object = finding.subject.clone();
    let workload = mesh.workloads.get(&finding.subject);
    let plain = |fragment: Value| Some(Wish { object: object.clone(), fragment, mind: None });
    let only_if = |mind: &'static str, fragment: Value| {
        Some(Wish { object: object.clone(), fragment, mind: Some(mind) })
    };
    let is_deployment = finding.subject.kind == "Deployment";
    match finding.code.as_str() {
        "ML1001" | "ML1002" | "ML1020" | "ML1042" if is_deployment => {
            // Where its rollouts keep a pod, two versions are beside each other in each of them already.
            let keeps = workload.is_some_and(|workload| workload.may_miss() < workload.replicas);
            Some(Wish { object, fragment: surge(), mind: (!keeps).then_some(SIDE_BY_SIDE) })
        }
        // A longer grace is not what is missing: a proxy that ends too early does so within it.
        "ML1004" if workload?.template.spec.grace_seconds() < AFTER_HOOK_SECONDS => {
            plain(json!({"spec": {"template": {"spec": {
                "terminationGracePeriodSeconds": AFTER_HOOK_SECONDS,
            }}}}))
        }
        "ML1010" => room(mesh, workload?),
        "ML1012" => {
            only_if("its owner agrees with what has been waiting", json!({"spec": {"paused": false}}))
        }
        "ML1020" if takes_one(workload?) => eased(workload?),
        "ML1021" => plain(json!({"spec": one_may_miss()})),
        "ML1030" => only_if(
            "its owner agrees that a restart replaces its pods by itself",
            json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}}),
        ),
        "ML1031" => only_if(
            "what waits behind the partition may go out to all its pods",
            json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}),
        ),
        "ML1040" => {
            let version = mesh.snapshot.kubernetes_version.as_deref().and_then(minor_of);
            let mind = version.is_none().then_some(SLEEP_MIND);
            Some(Wish { object, fragment: hook(assessment, workload?)?, mind })
        }
        "ML1045" => raised(mesh, workload?.autoscaler.as_ref()?, 1),
        "ML2001" => plain(json!({"metadata": {"labels": {"istio.io/rev": null}}})),
        "ML5013" => istiods(mesh, &finding.subject.name),
        _ => None,
    }
}

fn one_may_miss() -> Value {
    json!({"minAvailable": null, "maxUnavailable": 1})
}

/// True for a StatefulSet that rolls one pod at a time.
fn takes_one(workload: &Workload) -> bool {
    matches!(workload.rules, RolloutRules::Ordered { max_unavailable: 1, .. })
}

/// The budget of a StatefulSet, which takes one pod away at a time whatever its budget says. Of several budgets it is not
/// told here which one is in the way.
fn eased(workload: &Workload) -> Option<Wish> {
    let [budget] = workload.budgets.as_slice() else { return None };
    let fragment = json!({"spec": one_may_miss()});
    Some(Wish { object: budget.clone(), fragment, mind: Some("it can do without one of its pods") })
}

/// The quota of pods that has no room, raised by what the rollout has on top. Of other resources a quota may be meant to
/// give no more.
fn room(mesh: &Mesh, workload: &Workload) -> Option<Wish> {
    let on_top = match workload.rules {
        RolloutRules::Rolling { max_unavailable: 0, max_surge, .. }
        | RolloutRules::PerNode { max_unavailable: 0, max_surge } => i64::from(max_surge.max(1)),
        _ => 0,
    };
    let quotas = mesh.snapshot.objects.resource_quotas.iter();
    quotas.filter(|quota| workload.quotas.contains(&quota.object_ref())).find_map(|quota| {
        let mut hard = serde_json::Map::new();
        for key in POD_KEYS {
            let number = |of: &StringMap| of.get(key).and_then(|number| number.parse::<i64>().ok());
            let (Some(limit), Some(used)) = (number(&quota.spec.hard), number(&quota.status.used)) else {
                continue;
            };
            let wanted = used.saturating_add(on_top);
            if wanted > limit {
                hard.insert(key.to_owned(), json!(wanted.to_string()));
            }
        }
        let fragment = json!({"spec": {"hard": hard}});
        let wish = || Wish { object: quota.object_ref(), fragment, mind: Some(WAVE) };
        (!hard.is_empty()).then(wish)
    })
}

fn surge() -> Value {
    let limits = json!({"maxUnavailable": 0, "maxSurge": 1});
    json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": limits}}})
}

/// The hook that lets clients learn of a pod's end first.
fn hook(assessment: &Assessment, workload: &Workload) -> Option<Value> {
    let seconds = assessment.workloads.get(&workload.workload)?.cure_sleep_seconds?;
    let one = |container: &&Container| json!({"name": container.name, "lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}});
    let containers: Vec<Value> = serving(workload).iter().map(one).collect();
    let grace = workload.template.spec.grace_seconds().max(seconds + AFTER_HOOK_SECONDS);
    let spec = json!({"containers": containers, "terminationGracePeriodSeconds": grace});
    Some(json!({"spec": {"template": {"spec": spec}}}))
}

/// Containers that clients may have requests at.
fn serving(workload: &Workload) -> Vec<&Container> {
    let all = &workload.template.spec.containers;
    let serves = |container: &&Container| !container.ports.is_empty() && container.name != "istio-proxy";
    let serving: Vec<&Container> = all.iter().filter(serves).collect();
    if serving.is_empty() { all.first().into_iter().collect() } else { serving }
}

/// An autoscaler with so many pods more at least.
fn raised(mesh: &Mesh, reference: &ObjectRef, more: i32) -> Option<Wish> {
    let all = &mesh.snapshot.objects.autoscalers;
    let found: &HorizontalPodAutoscaler = all.iter().find(|one| one.object_ref() == *reference)?;
    let least = found.spec.min_replicas.unwrap_or(1).saturating_add(more);
    let fragment = json!({"spec": {"minReplicas": least}});
    Some(Wish { object: reference.clone(), fragment, mind: Some(WAVE) })
}

/// Two istiods, by what decides their number.
fn istiods(mesh: &Mesh, revision: &str) -> Option<Wish> {
    let revision = mesh.revisions.values().find(|one| one.name.as_str() == revision)?;
    let deployment = revision.deployment.as_ref()?;
    let all = mesh.snapshot.objects.autoscalers.iter();
    let mut scaling = all.filter(|one| {
        let target = &one.spec.scale_target_ref;
        one.metadata.namespace == deployment.namespace
            && target.kind == "Deployment"
            && target.name == deployment.name
    });
    let (object, fragment) = match scaling.next() {
        Some(autoscaler) => (autoscaler.object_ref(), json!({"spec": {"minReplicas": 2}})),
        None => (deployment.clone(), json!({"spec": {"replicas": 2}})),
    };
    Some(Wish { object, fragment, mind: None })
}

#[cfg(test)]
mod tests;
