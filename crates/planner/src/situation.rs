//! What every rule looks at: the mesh, what is wanted, and where the two stand.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_checks::assessment::Assessment;
use meshlift_mesh::{Follows, Mesh, Revision, Workload};
use meshlift_model::defaults;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::PodTemplateSpec;
use meshlift_model::manifest::Manifest;
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};

use crate::error::PlanError;

/// Mesh and intent, with what follows from them at once.
pub(crate) struct Situation<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) intent: &'a Intent,
    pub(crate) manifest: Option<&'a Manifest>,
    pub(crate) assessment: &'a Assessment,
    /// Version to move to.
    pub(crate) target: IstioVersion,
    /// Revision to move to.
    pub(crate) revision: RevisionName,
    /// Whether that revision is there.
    pub(crate) control_plane: ControlPlane,
    /// Revisions to leave: all that are older than the target.
    pub(crate) old: BTreeSet<RevisionName>,
    /// Namespaces that matter most.
    pub(crate) critical: BTreeSet<String>,
    /// Limits and times, defaults filled in.
    pub(crate) limits: Limits,
    /// Pod templates as the API has them, by workload.
    templates: BTreeMap<ObjectRef, &'a PodTemplateSpec>,
}

/// Whether the revision to move to is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ControlPlane {
    /// Complete, of the target's version.
    Installed,
    /// Not there.
    Missing,
    /// Some of it is there: reported, never reused.
    Half {
        /// What it lacks.
        missing: Vec<String>,
    },
}

/// Limits and times of this plan: the intent's, else the defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) canary_pods_max: usize,
    pub(crate) wave_pods_max: usize,
    pub(crate) concurrent_workloads_max: usize,
    pub(crate) selector_settle_seconds: i64,
    pub(crate) bake_seconds_canary: i64,
    pub(crate) bake_seconds_wave: i64,
    pub(crate) bake_seconds_slo_critical: i64,
    pub(crate) bake_seconds_gateway: i64,
    pub(crate) bake_seconds_control_plane: i64,
    pub(crate) observation_seconds: i64,
    pub(crate) old_istiod_dark_seconds: i64,
}

impl Limits {
    pub(crate) fn of(intent: &Intent) -> Self {
        let limits = &intent.limits;
        let seconds = |given: Option<i64>, default: i64| given.unwrap_or(default);
        Self {
            canary_pods_max: limits.canary_pods_max.unwrap_or(defaults::CANARY_PODS_MAX),
            wave_pods_max: limits.wave_pods_max.unwrap_or(defaults::WAVE_PODS_MAX),
            concurrent_workloads_max: limits
                .concurrent_workloads_max
                .unwrap_or(defaults::CONCURRENT_WORKLOADS_MAX),
            selector_settle_seconds: seconds(
                limits.selector_settle_seconds,
                defaults::SELECTOR_SETTLE_SECONDS,
            ),
            bake_seconds_canary: seconds(limits.bake_seconds_canary, defaults::BAKE_SECONDS_CANARY),
            bake_seconds_wave: seconds(limits.bake_seconds_wave, defaults::BAKE_SECONDS_WAVE),
            bake_seconds_slo_critical: seconds(
                limits.bake_seconds_slo_critical,
                defaults::BAKE_SECONDS_SLO_CRITICAL,
            ),
            bake_seconds_gateway: seconds(limits.bake_seconds_gateway, defaults::BAKE_SECONDS_GATEWAY),
            bake_seconds_control_plane: seconds(
                limits.bake_seconds_control_plane,
                defaults::BAKE_SECONDS_CONTROL_PLANE,
            ),
            observation_seconds: seconds(limits.observation_seconds, defaults::OBSERVATION_SECONDS),
            old_istiod_dark_seconds: seconds(
                limits.old_istiod_dark_seconds,
                defaults::OLD_ISTIOD_DARK_SECONDS,
            ),
        }
    }
}

impl<'a> Situation<'a> {
    pub(crate) fn of(
        mesh: &'a Mesh,
        intent: &'a Intent,
        manifest: Option<&'a Manifest>,
        assessment: &'a Assessment,
    ) -> Result<Self, PlanError> {
        let target = intent.target.clone().ok_or(PlanError::NoTarget)?;
        let oldest = mesh.revisions.values().filter_map(|revision| revision.version.as_ref()).min();
        let oldest = oldest.ok_or(PlanError::NoControlPlane)?;
        if target < *oldest {
            return Err(PlanError::Older { target, found: oldest.clone() });
        }
        if oldest.too_far_to_jump(&target).is_some() {
            return Err(PlanError::TooFar { target, found: oldest.clone() });
        }
        let (revision, control_plane) = new_revision(mesh, &target)?;
        if let Some(manifest) = manifest {
            fits(manifest, &target, &revision, &control_plane)?;
        }
        let older = |revision: &Revision| revision.version.as_ref().is_some_and(|version| *version < target);
        let old = mesh.revisions.values().filter(|revision| older(revision));
        let old = old.map(|revision| revision.name.clone()).collect();
        let namespaces = &mesh.snapshot.objects.namespaces;
        let critical = namespaces.iter().filter(|namespace| intent.slo_critical.covers(&namespace.metadata));
        Ok(Self {
            mesh,
            intent,
            manifest,
            assessment,
            revision,
            control_plane,
            old,
            critical: critical.map(|namespace| namespace.metadata.name.clone()).collect(),
            limits: Limits::of(intent),
            templates: templates(mesh),
            target,
        })
    }

    /// True for a revision that its pods must leave: older than the target, or no longer there at all.
    pub(crate) fn is_old(&self, revision: &RevisionName) -> bool {
        self.old.contains(revision) || !self.mesh.revisions.contains_key(revision)
    }

    /// Pods of a workload that carry a revision to be left.
    pub(crate) fn old_pods(&self, workload: &Workload) -> usize {
        let carried = workload.now.iter().filter_map(|(revision, pods)| Some((revision.as_ref()?, pods)));
        carried.filter(|(revision, _)| self.is_old(revision)).map(|(_, pods)| pods).sum()
    }

    /// Revision that a selector resolves to now.
    pub(crate) fn resolved(&self, follows: &Follows) -> Option<RevisionName> {
        match follows {
            Follows::Tag { tag } => self.mesh.tags.get(tag)?.revision.clone(),
            Follows::Revision { revision } => Some(revision.clone()),
            Follows::Unserved { .. } | Follows::Nothing => None,
        }
    }

    /// A workload's pod template as the API has it; absent for a bare pod.
    pub(crate) fn template(&self, workload: &ObjectRef) -> Option<&'a PodTemplateSpec> {
        self.templates.get(workload).copied()
    }
}

/// The revision that is, or will be, the new one. A complete one that runs exactly the target is it, whatever its name.
fn new_revision(mesh: &Mesh, target: &IstioVersion) -> Result<(RevisionName, ControlPlane), PlanError> {
    let wanted = target.revision();
    let complete = |revision: &&Revision| {
        revision.version.as_ref() == Some(target) && revision.missing.is_empty() && revision.ready > 0
    };
    let found = mesh.revisions.values().filter(complete).min_by_key(|revision| revision.name != wanted);
    if let Some(revision) = found {
        return Ok((revision.name.clone(), ControlPlane::Installed));
    }
    if !can_name_a_revision(wanted.as_str()) {
        return Err(PlanError::Name { revision: wanted });
    }
    let taken = |what| PlanError::NameTaken { what, revision: wanted.clone(), target: target.clone() };
    if mesh.tags.keys().any(|tag| tag.as_str() == wanted.as_str()) {
        return Err(taken("a tag"));
    }
    match mesh.revisions.get(&wanted) {
        None => Ok((wanted, ControlPlane::Missing)),
        Some(found) if found.version.as_ref().is_some_and(|version| version != target) => {
            Err(taken("a revision"))
        }
        Some(found) => {
            let mut missing = found.missing.clone();
            if missing.is_empty() {
                missing.push("a ready istiod of that version".to_owned());
            }
            Ok((wanted, ControlPlane::Half { missing }))
        }
    }
}

/// RFC 1123 label, short enough for every name that is derived from it.
fn can_name_a_revision(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = !name.starts_with('-') && !name.ends_with('-');
    !name.is_empty() && name.len() <= defaults::REVISION_NAME_CHARS_MAX && name.bytes().all(inner) && ends
}

fn fits(
    manifest: &Manifest,
    target: &IstioVersion,
    revision: &RevisionName,
    control_plane: &ControlPlane,
) -> Result<(), PlanError> {
    if manifest.version != *target {
        return Err(PlanError::ManifestVersion { found: manifest.version.clone(), target: target.clone() });
    }
    // What is installed already needs no manifest of its name.
    if *control_plane != ControlPlane::Installed && manifest.revision != *revision {
        let found = manifest.revision.clone();
        return Err(PlanError::ManifestRevision { found, revision: revision.clone() });
    }
    Ok(())
}

fn templates(mesh: &Mesh) -> BTreeMap<ObjectRef, &PodTemplateSpec> {
    use meshlift_model::k8s::Resource;
    let objects = &mesh.snapshot.objects;
    let deployments = objects.deployments.iter().map(|item| (item.object_ref(), &item.spec.template));
    let stateful_sets = objects.stateful_sets.iter().map(|item| (item.object_ref(), &item.spec.template));
    let daemon_sets = objects.daemon_sets.iter().map(|item| (item.object_ref(), &item.spec.template));
    deployments.chain(stateful_sets).chain(daemon_sets).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revision_names_are_short_labels() {
        assert!(can_name_a_revision("1-30-3"));
        assert!(can_name_a_revision("1-31-0-rc-0"));
        for name in ["", "-1", "1-", "1.30", "A", "1_30", &"1".repeat(57)] {
            assert!(!can_name_a_revision(name), "{name}");
        }
    }
}
