//! What the little world answers.

use meshlift_model::digest::short_digest;
use meshlift_model::effect::*;
use meshlift_model::k8s::{Deployment, Object, Pod as ApiPod, Resource, StatefulSet};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::workload::Workload;
use crate::world::World;

pub(crate) fn answer(world: &World, query: &Query) -> Outcome {
    let observation = match query {
        Query::Object { object } => Observation::Object { object: object_of(world, object).map(Box::new) },
        Query::Stored { object } => {
            let found = object_of(world, object).map(|object| object.to_value().unwrap());
            Observation::Stored { objects: found.into_iter().collect() }
        }
        Query::Workload { workload } => {
            let found = world.workloads.get(workload).map(|one| Box::new(one.view(world.now)));
            Observation::Workload { workload: found }
        }
        Query::Tag { tag } => {
            let to = world.tags.get(tag.as_str()).map(|to| RevisionName::from(to.as_str()));
            Observation::Tag { webhook: to.clone(), service: to }
        }
        Query::DryRun { namespace, workloads, count } => {
            let revision = world.injects(namespace).map(|name| RevisionName::from(name.as_str()));
            let refused = match (world.injectors_are_gone, world.refuse_creations) {
                (true, _) => Some("failed calling webhook".to_owned()),
                (false, refuse) => refuse.then(|| "exceeded quota".to_owned()),
            };
            let proof = |number: usize| InjectionProof {
                workload: workloads.get(number % workloads.len().max(1)).cloned().unwrap_or_default(),
                revision: revision.clone().filter(|_| !world.injectors_are_gone),
                refused: refused.clone(),
            };
            Observation::DryRun { proofs: (0..*count).map(proof).collect() }
        }
        Query::Revision { revision } => Observation::Revision { revision: revision_of(world, revision) },
        Query::Consumers { revision } => consumers(world, revision.as_str()),
        Query::Followers { tag } => {
            let follows = |object: &Object| object.meta().label("istio.io/rev") == Some(tag.as_str());
            let names = world.objects.iter().filter(|(_, object)| follows(object));
            let consumers = names.map(|(name, _)| name.to_string()).collect();
            Observation::Consumers { consumers, unknown: world.unknown_sources.clone() }
        }
        Query::Census => census(world),
        Query::Findings => Observation::Findings { findings: world.findings.clone() },
    };
    Outcome::Observed { observation }
}

fn object_of(world: &World, name: &ObjectRef) -> Option<Object> {
    if name.kind == "Pod" && !world.workloads.contains_key(name) {
        let pods = world.workloads.values().flat_map(|one| one.pods.iter());
        let pod = pods.into_iter().find(|pod| pod.name == name.name)?;
        let mut api = ApiPod::default();
        api.metadata.name.clone_from(&pod.name);
        api.metadata.uid.clone_from(&pod.uid);
        api.metadata.deletion_timestamp = pod.gone_at;
        return Some(api.into_object());
    }
    match world.workloads.get(name) {
        Some(one) => Some(api_object(one)),
        None => world.objects.get(name).cloned(),
    }
}

fn api_object(one: &Workload) -> Object {
    let mut deployment = Deployment::default();
    deployment.metadata.name = one.me.name.to_string();
    deployment.metadata.namespace.clone_from(&one.me.namespace);
    deployment.metadata.uid.clone_from(&one.uid);
    deployment.metadata.resource_version = one.version.to_string().into();
    deployment.spec.replicas = Some(one.replicas);
    if one.me.kind == "StatefulSet" {
        let metadata = deployment.metadata;
        return StatefulSet { metadata, ..StatefulSet::default() }.into_object();
    }
    if one.me.kind == "Pod" {
        let metadata = deployment.metadata;
        return ApiPod { metadata, ..ApiPod::default() }.into_object();
    }
    deployment.into_object()
}

fn revision_of(world: &World, revision: &RevisionName) -> Option<RevisionView> {
    let istiod = ObjectRef::new("Deployment", "istio-system", &format!("istiod-{revision}"));
    let view = world.workloads.get(&istiod)?.view(world.now);
    let ready = view.pods.iter().filter(|pod| !pod.terminating && pod.ready_since.is_some()).count();
    Some(RevisionView {
        revision: revision.clone(),
        version: revision.as_str().replace('-', ".").parse().ok(),
        ready: i32::try_from(ready).unwrap(),
        replicas: view.replicas,
        root_ca: Some("root".into()),
        other_root_cas: vec!["root".into()],
    })
}

fn consumers(world: &World, revision: &str) -> Observation {
    let mut consumers: Vec<String> = Vec::new();
    for one in world.workloads.values() {
        let mine = one.pods.iter().filter(|pod| pod.revision.as_deref() == Some(revision));
        consumers.extend(mine.map(|pod| format!("Pod/{}/{} (annotation)", one.me.namespace, pod.name)));
    }
    let labelled = |object: &&Object| object.meta().label("istio.io/rev") == Some(revision);
    let namespaces = world.objects.values().filter(labelled);
    consumers.extend(namespaces.map(|object| format!("Namespace/{}", object.meta().name)));
    let tags = world.tags.iter().filter(|(_, to)| *to == revision);
    consumers.extend(tags.map(|(tag, _)| format!("tag {tag}")));
    Observation::Consumers { consumers, unknown: world.unknown_sources.clone() }
}

fn census(world: &World) -> Observation {
    let mesh = world.workloads.values().filter(|one| one.me.namespace != "istio-system");
    let pods: Vec<String> =
        mesh.flat_map(|one| one.pods.iter().map(|pod| format!("{} {:?}", pod.uid, pod.revision))).collect();
    Observation::Census { pods: pods.len(), digest: short_digest(pods.join("\n").as_bytes()) }
}
