//! What every check is given, and the questions that several of them ask.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::facts::{
    GatewayFacts, GatewayKind, Mesh, PodFacts, Revision, Role, RolloutRules, Workload,
};
use meshlift_mesh::{InOrder, KnownPod, Selected, by_namespace, by_owner};
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{ConfigMap, DaemonSet, Deployment, Objects, Pod, Resource, StringMap};
use meshlift_model::manifest::Schemas;
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use meshlift_model::selector::LabelSelector;
use meshlift_model::snapshot::SourceStatus;
use meshlift_model::time::Time;

use crate::lists::Lists;
use crate::nodes::Nodes;
use crate::traffic::{Judged, judge_all};

/// Sources that tell what runs, who owns it, and who injects it.
pub(crate) const WORKLOADS: &[&str] = &[
    "namespaces",
    "pods",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
];
/// ConfigMap with the settings of istio-cni.
const AGENT_SETTINGS: &str = "istio-cni-config";
/// Setting of istio-cni that asks for nftables.
pub(crate) const NATIVE_NFTABLES: &str = "NATIVE_NFTABLES";
/// Sources that tell who sends requests to whom.
pub(crate) const SERVICES: &[&str] = &["services"];

/// What is known of the target's definitions.
#[derive(Clone, Copy)]
pub(crate) enum Definitions<'a> {
    /// Nobody asks.
    NotAsked,
    /// Somebody asks, and there is no manifest.
    NotKnown,
    /// Their schemas.
    Known(&'a Schemas),
}

/// A mesh, an intent, a target, and the verdicts of the traffic rule.
pub(crate) struct Context<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) intent: &'a Intent,
    pub(crate) target: Option<&'a IstioVersion>,
    pub(crate) definitions: Definitions<'a>,
    pub(crate) judged: InOrder<ObjectRef, Judged>,
    /// Revisions that run the target.
    targets: BTreeSet<&'a RevisionName>,
    /// What is left on nodes.
    pub(crate) nodes: Nodes<'a>,
    /// Workloads with a proxy, and those of them that the upgrade restarts: nearly every check asks for them.
    proxied: Vec<&'a Workload>,
    restarted: Vec<&'a Workload>,
    /// Gateways by their Deployment and by their own name.
    gateways: BTreeMap<&'a ObjectRef, &'a GatewayFacts>,
    /// Pods that the workloads under a budget want.
    budgeted: InOrder<&'a ObjectRef, i32>,
    /// Namespaces that matter most.
    critical: BTreeSet<&'a str>,
    /// Pods by namespace.
    pods: InOrder<&'a str, Selected<'a, Pod>>,
    /// Pods that are not finished, by what restarts them.
    running: InOrder<&'a ObjectRef, Vec<KnownPod<'a>>>,
    /// Recorded objects by name.
    lists: Lists<'a>,
    /// The latest time that anything recorded tells: as near to the recording as is known.
    pub(crate) newest_time: Option<Time>,
}

impl<'a> Context<'a> {
    /// Judges all restarts once, for all checks.
    pub(crate) fn new(mesh: &'a Mesh, intent: &'a Intent, target: Option<&'a IstioVersion>) -> Self {
        let runs_target = |revision: &&Revision| target.is_some() && revision.version.as_ref() == target;
        let targets = mesh.revisions.values().filter(runs_target).map(|revision| &revision.name).collect();
        let mut context = Self {
            mesh,
            intent,
            target,
            definitions: Definitions::NotAsked,
            judged: judge_all(mesh),
            targets,
            nodes: Nodes::new(&mesh.snapshot.objects),
            proxied: mesh.workloads.values().filter(|workload| workload.is_proxied()).collect(),
            restarted: Vec::new(),
            gateways: by_name(mesh),
            budgeted: budgeted(mesh),
            critical: critical(mesh, intent),
            pods: pods_by_namespace(mesh),
            running: by_owner(&[]),
            lists: Lists::new(&mesh.snapshot.objects),
            newest_time: mesh.snapshot.newest_time(),
        };
        context.running = by_owner(&context.all_running());
        context.restarted = context
            .proxied()
            .filter(|workload| workload.rules != RolloutRules::NextRun && context.moves(workload))
            .collect();
        context
    }

    fn all_running(&self) -> Vec<KnownPod<'a>> {
        let (facts, pods) = (&self.mesh.pods, &self.objects().pods);
        // Both are in the order of their names then, and each pod is there once.
        let side_by_side = self.lists.is_sorted::<Pod>() && facts.len() == pods.len();
        let pod = |(at, facts): (usize, &'a PodFacts)| {
            let pod = if side_by_side { pods.get(at) } else { self.object(&facts.pod) };
            pod.filter(|_| !facts.finished).map(|pod| (pod, facts))
        };
        facts.values().enumerate().filter_map(pod).collect()
    }

    /// Recorded objects.
    pub(crate) fn objects(&self) -> &'a Objects {
        &self.mesh.snapshot.objects
    }

    /// An object by reference; the kind comes from the type.
    pub(crate) fn object<R: Resource>(&self, reference: &ObjectRef) -> Option<&'a R> {
        self.lists.get(reference)
    }

    /// An object by its names; the kind comes from the type.
    pub(crate) fn named<R: Resource>(&self, namespace: &str, name: &str) -> Option<&'a R> {
        self.lists.named(namespace, name)
    }

    /// Why a source cannot be judged; `None` where it can.
    pub(crate) fn missing(&self, source: &str) -> Option<String> {
        if let Some(endpoint) = source.strip_prefix("istiod/") {
            return self.missing_answers(endpoint);
        }
        reason(&self.mesh.snapshot.source(source))
    }

    fn missing_answers(&self, endpoint: &str) -> Option<String> {
        let answers = &self.mesh.snapshot.istiods;
        let silent: Vec<&str> = self
            .mesh
            .revisions
            .values()
            .flat_map(|revision| &revision.istiods)
            .filter(|pod| {
                let answer = answers.get(*pod);
                match endpoint {
                    "syncz" => answer.is_none_or(|answer| answer.syncz.is_none()),
                    "connections" => answer.is_none_or(|answer| answer.connections.is_none()),
                    _ => answer.is_none(),
                }
            })
            .map(String::as_str)
            .collect();
        (!silent.is_empty()).then(|| format!("was not read from {}", silent.join(", ")))
    }

    /// Version of a revision.
    pub(crate) fn version_of(&self, revision: &RevisionName) -> Option<&'a IstioVersion> {
        self.mesh.revisions.get(revision).and_then(|revision| revision.version.as_ref())
    }

    /// True if the revision exists and runs the target.
    pub(crate) fn is_target(&self, revision: &RevisionName) -> bool {
        self.targets.contains(revision)
    }

    /// Revisions that have proxies; all of them where none is known to.
    pub(crate) fn used_or_all(&self) -> impl Iterator<Item = &'a Revision> {
        let is_known = self.mesh.used_revisions().next().is_some();
        self.mesh.revisions.values().filter(move |revision| revision.pods > 0 || !is_known)
    }

    /// Versions that carry proxies now.
    pub(crate) fn used_versions(&self) -> impl Iterator<Item = &'a IstioVersion> {
        self.mesh.used_revisions().filter_map(|revision| revision.version.as_ref())
    }

    /// True if an upgrade from this version to the target comes by 1.N.0.
    pub(crate) fn crosses(&self, version: &IstioVersion, minor: u32) -> bool {
        let before = version.major == 1 && version.minor < minor;
        before && self.target.is_some_and(|target| (target.major, target.minor) >= (1, minor))
    }

    /// Revisions that run the target.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &'a Revision> {
        self.mesh.revisions.values().filter(|revision| self.is_target(&revision.name))
    }

    /// A variable of a revision's istiods.
    pub(crate) fn istiod_env(&self, revision: &Revision, name: &str) -> Option<&'a str> {
        let deployment = self.object::<Deployment>(revision.deployment.as_ref()?)?;
        deployment.spec.template.spec.containers.iter().find_map(|container| container.env_value(name))
    }

    /// A setting of istio-cni.
    pub(crate) fn agent_setting(&self, key: &str) -> Option<&'a str> {
        let settings = self.objects().config_maps.iter().filter(|map| map.metadata.name == AGENT_SETTINGS);
        settings.filter_map(|map| map.data.get(key)).map(String::as_str).next()
    }

    /// True if the target is there, and each of its revisions has a variable whose words, by commas, name this one.
    pub(crate) fn targets_all_name(&self, variable: &str, word: &str) -> bool {
        let names = |revision| {
            let words = self.istiod_env(revision, variable).into_iter().flat_map(|words| words.split(','));
            words.map(str::trim).any(|one| one == word)
        };
        !self.targets.is_empty() && self.targets().all(names)
    }

    /// Lines of mesh configs, without the marks of lists, by the ConfigMap that holds them.
    pub(crate) fn mesh_configs(
        &self,
    ) -> impl Iterator<Item = (&'a ConfigMap, impl Iterator<Item = &'a str>)> {
        let maps = self.objects().config_maps.iter();
        maps.filter_map(|map| {
            let lines = map.data.get("mesh")?.lines();
            Some((map, lines.map(|line| line.trim_start_matches(['-', ' ']))))
        })
    }

    /// DaemonSets of istio-cni.
    pub(crate) fn cni_agents(&self) -> impl Iterator<Item = &'a DaemonSet> {
        self.mesh.ambient.cni.iter().filter_map(|reference| self.object(reference))
    }

    /// Agents of istio-cni with the pods in the mesh, where a setting is on, or is not; none where no pod is.
    pub(crate) fn agents_where(
        &self,
        setting: &str,
        is_on: bool,
    ) -> impl Iterator<Item = (&'a ObjectRef, usize)> {
        let pods = self.mesh.ambient.enrolled.len();
        let is_meant = pods > 0 && (self.agent_setting(setting) == Some("true")) == is_on;
        self.mesh.ambient.cni.iter().filter(move |_| is_meant).map(move |agent| (agent, pods))
    }

    /// Workloads with a container of such an image.
    pub(crate) fn running(
        &self,
        is_meant: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'a Workload, &'a str)> {
        self.mesh.workloads.values().filter_map(move |workload| {
            let mut images =
                workload.template.spec.containers.iter().map(|container| container.image.as_str());
            images.find(|image| is_meant(image)).map(|image| (workload, image))
        })
    }

    /// When the newest running pod of a workload was made.
    pub(crate) fn newest_pod(&self, workload: &Workload) -> Option<Time> {
        self.running_pods(workload).iter().filter_map(|(pod, _)| pod.metadata.creation_timestamp).max()
    }

    /// Pods of a workload that are not finished.
    pub(crate) fn running_pods(&self, workload: &Workload) -> &[KnownPod<'a>] {
        self.running.get(&workload.workload).map_or(&[], Vec::as_slice)
    }

    /// Gateway facts of a Deployment.
    pub(crate) fn gateway_of(&self, workload: &ObjectRef) -> Option<&'a GatewayFacts> {
        self.gateways.get(workload).copied()
    }

    /// Workloads that are gateways.
    pub(crate) fn gateway_workloads(&self) -> impl Iterator<Item = &'a Workload> {
        self.gateways.keys().filter_map(|name| self.mesh.workloads.get(name))
    }

    /// Pods of a namespace that have all of these labels.
    pub(crate) fn pods_with(&self, namespace: &str, labels: &StringMap) -> Vec<&'a Pod> {
        self.pods.get(namespace).map_or_else(Vec::new, |pods| pods.with(labels))
    }

    /// Pods of a namespace that a selector selects.
    pub(crate) fn pods_matching(&self, namespace: &str, selector: &LabelSelector) -> Vec<&'a Pod> {
        self.pods.get(namespace).map_or_else(Vec::new, |pods| pods.matching(selector))
    }

    /// Pods that the workloads under a budget want.
    pub(crate) fn pods_under(&self, budget: &ObjectRef) -> i32 {
        self.budgeted.get(budget).copied().unwrap_or(0)
    }

    /// True for what injection makes: its revision changes when its pods are made anew.
    pub(crate) fn is_injected(&self, workload: &Workload) -> bool {
        match workload.role {
            Role::App => true,
            Role::InjectedGateway => self
                .gateway_of(&workload.workload)
                .is_none_or(|gateway| gateway.kind == GatewayKind::Injected),
            Role::ManagedGateway | Role::Waypoint | Role::Istiod | Role::Ztunnel | Role::Cni => false,
        }
    }

    /// Workloads with a sidecar or a gateway proxy, now or after a restart, by reference.
    pub(crate) fn proxied(&self) -> impl Iterator<Item = &'a Workload> {
        self.proxied.iter().copied()
    }

    /// Those of one namespace after those of another. A namespace comes once for each kind of workload.
    pub(crate) fn proxied_by_namespace(&self) -> impl Iterator<Item = (&'a str, &[&'a Workload])> {
        let runs = self.proxied.chunk_by(|a, b| a.workload.namespace == b.workload.namespace);
        runs.filter_map(|run| Some((run.first()?.workload.namespace.as_str(), run)))
    }

    /// Those of them that the upgrade restarts: not all of their pods are where it goes.
    pub(crate) fn restarted(&self) -> impl Iterator<Item = &'a Workload> {
        self.restarted.iter().copied()
    }

    /// Those of them that have pods, and a template of which new ones are made. A bare pod is not made from a template that
    /// somebody may still mend: it goes as it is.
    pub(crate) fn remade(&self) -> impl Iterator<Item = &'a Workload> {
        let awake = self.restarted().filter(|workload| workload.replicas > 0);
        awake.filter(|workload| !matches!(workload.rules, RolloutRules::Foreign { .. }))
    }

    /// True unless all pods of the workload run the target, and new ones will. Without a target, any
    /// restart is meant.
    pub(crate) fn moves(&self, workload: &Workload) -> bool {
        if self.target.is_none() {
            return true;
        }
        let next = !self.is_injected(workload)
            || workload.on_restart.revision.as_ref().is_none_or(|revision| self.is_target(revision));
        !(next && workload.now.keys().flatten().all(|revision| self.is_target(revision)))
    }

    /// True for gateways that take traffic from outside: replacing them in place is a hazard of its own.
    pub(crate) fn is_outside_gateway(&self, workload: &Workload) -> bool {
        workload.role != Role::App
            && self.gateway_of(&workload.workload).is_some_and(|gateway| gateway.exposed_outside)
    }

    /// True for namespaces that matter most.
    pub(crate) fn is_slo_critical(&self, namespace: &str) -> bool {
        self.critical.contains(namespace)
    }
}

fn pods_by_namespace(mesh: &Mesh) -> InOrder<&str, Selected<'_, Pod>> {
    let here = by_namespace(&mesh.snapshot.objects.pods).into_iter();
    here.map(|(namespace, pods)| {
        (namespace, Selected::new(pods.into_iter().map(|pod| (pod, &*pod.metadata.labels))))
    })
    .collect()
}

fn budgeted(mesh: &Mesh) -> InOrder<&ObjectRef, i32> {
    let mut pods: BTreeMap<&ObjectRef, i32> = BTreeMap::new();
    for workload in mesh.workloads.values() {
        for budget in &workload.budgets {
            let sum = pods.entry(budget).or_default();
            *sum = sum.saturating_add(workload.replicas);
        }
    }
    pods.into_iter().collect()
}

fn by_name<'a>(mesh: &'a Mesh) -> BTreeMap<&'a ObjectRef, &'a GatewayFacts> {
    // The first one that a name fits, as they are listed.
    let names = |gateway: &'a GatewayFacts| [Some(&gateway.gateway), gateway.deployment.as_ref()];
    let all = mesh.gateways.iter().rev();
    all.flat_map(|gateway: &GatewayFacts| {
        names(gateway).into_iter().flatten().map(move |name| (name, gateway))
    })
    .collect()
}

fn critical<'a>(mesh: &'a Mesh, intent: &Intent) -> BTreeSet<&'a str> {
    let all = mesh.snapshot.objects.namespaces.iter().map(|namespace| &namespace.metadata);
    all.filter(|meta| intent.slo_critical.covers(meta)).map(|meta| meta.name.as_str()).collect()
}

fn reason(status: &SourceStatus) -> Option<String> {
    match status {
        SourceStatus::Read { .. } | SourceStatus::Absent => None,
        SourceStatus::Refused { reason } => Some(format!("was refused ({reason})")),
        SourceStatus::Broken { reason } => Some(format!("could not be read ({reason})")),
    }
}
