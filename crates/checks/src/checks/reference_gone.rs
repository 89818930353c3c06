//! ML1051: a pod that would not start again, for what it refers to is gone.

use std::collections::BTreeSet;

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{
    ConfigMap, ObjectSource, PersistentVolumeClaim, PodSpec, Resource, ServiceAccount,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::SourceStatus;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1051",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "It would not start again: what it refers to is gone",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "bring the object back, or take the reference out of the template, before its wave",
        why: "Its pods run because the object was there when they started. A new pod stays in \
              CreateContainerConfigError, or waits for its volume, for as long as a ConfigMap or Secret is missing; where a \
              PersistentVolumeClaim is missing or being deleted (it stays for as long as an old pod uses it) it stays Pending; \
              without its ServiceAccount it is not even made. The rollout stands at its first pod. Whether a ConfigMap or \
              Secret has the keys that are asked for is not looked at. The twin starts containers whatever they refer to, so a \
              rehearsal does not show it.",
        see: "`kubectl describe pod NAME -n NAMESPACE`: Environment, Environment Variables from, Volumes; `kubectl \
              get configmap,secret,serviceaccount,pvc -n NAMESPACE` (a claim in `Terminating` is on its way out).",
        fix: "Create the object again, or correct the name. Pods that already run do not notice. A claim that is being deleted \
              cannot be kept: copy its data to another one first, and let the template name that.",
        sources: &[
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#restrictions",
            "https://kubernetes.io/docs/concepts/configuration/secret/#restriction-secret-must-exist",
            "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller",
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection",
        ],
    },
    needs: &[WORKLOADS, &["configmaps", "serviceaccounts", "persistentvolumeclaims"]],
    find: Find::Mesh(find),
};

fn names<R: Resource>(objects: &[R]) -> BTreeSet<(&str, &str)> {
    objects.iter().map(|one| (one.meta().namespace.as_str(), one.meta().name.as_str())).collect()
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let secrets = secrets(context);
    let hits = context.remade().filter_map(|workload| hit(context, workload, secrets.as_ref()));
    let unseen =
        context.remade().filter(|workload| !references(&workload.template.spec).1.is_empty()).count();
    hits.chain(unread(unseen, ["refers to", "refer to"]).into_iter().filter(|_| secrets.is_none())).collect()
}

/// Secrets that are there; `None` where they were not read.
pub(super) fn secrets<'a>(context: &Context<'a>) -> Option<BTreeSet<(&'a str, &'a str)>> {
    let are_known = matches!(context.mesh.snapshot.source("secrets"), SourceStatus::Read { .. });
    are_known.then(|| names(&context.objects().secrets))
}

/// That so many workloads do something with Secrets, and it is not known whether they are there.
pub(super) fn unread(workloads: usize, [does, do_]: [&str; 2]) -> Option<Hit> {
    let subject = ObjectRef::cluster("Source", "secrets");
    let who =
        if workloads == 1 { format!("1 workload {does}") } else { format!("{workloads} workloads {do_}") };
    (workloads > 0).then(|| {
        Hit::new(&subject, format!("{who} Secrets, whose names may not be listed"))
            .severity(Severity::Info)
            .hint("record secrets, or accept that this is not known")
            .offers(&["accept-unknown"])
            .unknown()
    })
}

fn hit(context: &Context<'_>, workload: &Workload, present: Option<&BTreeSet<(&str, &str)>>) -> Option<Hit> {
    let namespace = workload.workload.namespace.as_str();
    let (config_maps, secrets) = references(&workload.template.spec);
    let is_gone = |name: &&&str| context.named::<ConfigMap>(namespace, name).is_none();
    let mut gone: Vec<String> =
        config_maps.iter().filter(is_gone).map(|name| format!("ConfigMap/{namespace}/{name}")).collect();
    if let Some(present) = present {
        let missing = secrets.iter().filter(|name| !present.contains(&(namespace, **name)));
        gone.extend(missing.map(|name| format!("Secret/{namespace}/{name}")));
    }
    // Every namespace has the one that a pod gets without a name.
    let account = workload.template.spec.service_account_name.as_str();
    if !matches!(account, "" | "default") && context.named::<ServiceAccount>(namespace, account).is_none() {
        gone.push(format!("ServiceAccount/{namespace}/{account}"));
    }
    let (mut ending, mut missing) = (Vec::new(), Vec::new());
    for name in claims(context, workload) {
        let path = format!("PersistentVolumeClaim/{namespace}/{name}");
        match context.named::<PersistentVolumeClaim>(namespace, name) {
            None => missing.push(path),
            Some(claim) if claim.metadata.deletion_timestamp.is_some() => ending.push(path),
            Some(_) => {}
        }
    }
    gone.extend(missing);
    let detail = match (gone.first(), ending.first()) {
        (Some(first), _) => format!("{first} does not exist, and no new pod starts without it"),
        (None, Some(first)) => format!("{first} is being deleted, and no new pod may use it"),
        (None, None) => return None,
    };
    let hit = Hit::new(&workload.workload, detail);
    let gone = gone.iter().chain(&ending);
    Some(gone.fold(hit, |hit, name| hit.because(format!("its template refers to {name}"))))
}

/// Names of the claims that its next pods use: those of its template, and of a StatefulSet those that its pods have.
fn claims<'a>(context: &Context<'a>, workload: &'a Workload) -> BTreeSet<&'a str> {
    let is_stateful = workload.workload.kind == "StatefulSet";
    let pods = context.running_pods(workload).iter().filter(|_| is_stateful).map(|(pod, _)| &pod.spec);
    let volumes = pods.chain([&workload.template.spec]).flat_map(|spec| &spec.volumes);
    let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    claims.map(|claim| claim.claim_name.as_str()).collect()
}

/// Names of ConfigMaps and Secrets without which a pod does not start.
fn references(spec: &PodSpec) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut config_maps, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    fn add<'a>(names: &mut BTreeSet<&'a str>, source: Option<&'a ObjectSource>) {
        names.extend(source.filter(|one| !one.optional && !one.name.is_empty()).map(|one| one.name.as_str()));
    }
    for container in spec.all_containers() {
        for source in container.env.iter().map(|variable| &variable.value_from) {
            add(&mut config_maps, source.config_map_key_ref.as_deref());
            add(&mut secrets, source.secret_key_ref.as_deref());
        }
        for source in &container.env_from {
            add(&mut config_maps, source.config_map_ref.as_ref());
            add(&mut secrets, source.secret_ref.as_ref());
        }
    }
    for volume in &spec.volumes {
        add(&mut config_maps, volume.config_map.as_deref());
        let secret = volume.secret.iter().filter(|one| !one.optional && !one.secret_name.is_empty());
        secrets.extend(secret.map(|one| one.secret_name.as_str()));
        for source in volume.projected.iter().flat_map(|projected| &projected.sources) {
            add(&mut config_maps, source.config_map.as_deref());
            add(&mut secrets, source.secret.as_deref());
        }
    }
    (config_maps, secrets)
}
