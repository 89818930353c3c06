//! What each recording is, in lines that a person can check against it: `golden/facts.txt`. To write it
//! anew, remove the file and run the test: it fails once, and leaves what it found.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use meshlift_mesh::{Follows, InstallMethod, Mesh, Role, RolloutState};
use meshlift_model::intent::SloCritical;
use meshlift_snapshot::fixtures::{CLUSTERS, cluster};

fn mesh(name: &str) -> Mesh {
    Mesh::derive(Arc::new(cluster(name).unwrap()))
}

fn words(follows: &Follows) -> String {
    match follows {
        Follows::Tag { tag } => format!("tag {tag}"),
        Follows::Revision { revision } => format!("revision {revision}"),
        Follows::Unserved { name } => format!("unserved name {name}"),
        Follows::Nothing => "nothing".to_owned(),
    }
}

fn control_plane(mesh: &Mesh, text: &mut String) -> std::fmt::Result {
    for revision in mesh.revisions.values() {
        writeln!(
            text,
            "  revision {} {} ready {}/{} pods {} connected {:?} autoscaler {:?} root CA until {} objects {} missing {:?}",
            revision.name,
            revision.version.as_ref().unwrap(),
            revision.ready,
            revision.replicas,
            revision.pods,
            revision.connected,
            revision.autoscaler,
            revision.root_ca_until.unwrap(),
            revision.objects.len(),
            revision.missing,
        )?;
    }
    for tag in mesh.tags.values() {
        let to = |revision: &Option<_>| revision.as_ref().map_or("-".to_owned(), ToString::to_string);
        let served = if tag.served { "served" } else { "NOT served" };
        writeln!(
            text,
            "  tag {} -> {} and {}, {served}",
            tag.name,
            to(&tag.revision),
            to(&tag.service_revision)
        )?;
    }
    let default = mesh.default_revision.as_ref().unwrap();
    let installer = match mesh.install {
        InstallMethod::Istioctl { .. } => "istioctl",
        InstallMethod::Unknown { .. } => "unknown",
    };
    let critical = mesh.slo_critical(&SloCritical::default());
    writeln!(text, "  default {default}, installed by {installer}, matters most: {critical:?}")
}

fn followers(mesh: &Mesh, text: &mut String) -> std::fmt::Result {
    let mut by_name: BTreeMap<String, (Vec<String>, usize)> = BTreeMap::new();
    for follower in &mesh.followers {
        let entry = by_name.entry(words(&follower.follows)).or_default();
        entry.0.push(format!("{} {}", follower.subject.short(), follower.pods));
        entry.1 += follower.pods;
        if let Some(ignored) = &follower.ignored {
            writeln!(text, "  ignored: {} {ignored}", follower.subject)?;
        }
    }
    for (name, (subjects, pods)) in by_name {
        writeln!(text, "  {name}: {pods} pods: {}", subjects.join(", "))?;
    }
    Ok(())
}

fn gateways(mesh: &Mesh, text: &mut String) -> std::fmt::Result {
    for gateway in &mesh.gateways {
        writeln!(
            text,
            "  {:?} {} follows {}, owner {:?}, runs {:?}, frozen {}, outside {}, services {:?}, budgets {}, secrets {:?}, ignored {:?}",
            gateway.kind,
            gateway.gateway,
            words(&gateway.follows),
            gateway.owner.as_ref().map(ToString::to_string),
            gateway.running.values().collect::<Vec<_>>(),
            gateway.frozen,
            gateway.exposed_outside,
            gateway
                .services
                .iter()
                .map(|(service, type_)| format!("{} {type_}", service.short()))
                .collect::<Vec<_>>(),
            gateway.budgets.len(),
            gateway.secrets,
            gateway.ignored,
        )?;
    }
    let ambient = &mesh.ambient;
    if !ambient.enrolled.is_empty() {
        writeln!(
            text,
            "  ambient: namespaces {:?}, enrolled {}, not captured {}, ztunnel {:?} {:?}, cni {}",
            ambient.namespaces,
            ambient.enrolled.len(),
            ambient.not_captured.len(),
            ambient.ztunnels.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ambient.ztunnel_version.as_ref().map(ToString::to_string),
            ambient.cni.len(),
        )?;
    }
    Ok(())
}

fn workloads(mesh: &Mesh, text: &mut String) -> std::fmt::Result {
    let mut kinds: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for workload in
        mesh.workloads.values().filter(|one| one.role == Role::App || one.role == Role::InjectedGateway)
    {
        let injected = workload.on_restart.revision.is_some();
        *kinds.entry((workload.workload.kind.to_string(), injected)).or_default() += 1;
        if workload.pod_bound {
            writeln!(
                text,
                "  {} is bound by its own pod template to {}",
                workload.workload,
                words(&workload.follows)
            )?;
        }
        if let Some(ignored) = &workload.ignored {
            writeln!(text, "  {}: {ignored}", workload.workload)?;
        }
        match &workload.state {
            RolloutState::Settled => {}
            other => writeln!(text, "  {}: {other:?} {:?}", workload.workload, workload.rules)?,
        }
    }
    for ((kind, injected), count) in kinds {
        let what = if injected { "with a sidecar" } else { "without" };
        writeln!(text, "  {count} {kind} {what}")?;
    }
    Ok(())
}

#[test]
fn recordings_are_understood() {
    let mut text = String::new();
    for name in CLUSTERS {
        let mesh = mesh(name);
        writeln!(text, "{name}: {} workloads, {} pods", mesh.workloads.len(), mesh.pods.len()).unwrap();
        control_plane(&mesh, &mut text).unwrap();
        followers(&mesh, &mut text).unwrap();
        gateways(&mesh, &mut text).unwrap();
        workloads(&mesh, &mut text).unwrap();
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/facts.txt");
    match std::fs::read_to_string(&path) {
        Ok(golden) => assert_eq!(text, golden),
        Err(_) => {
            std::fs::write(&path, &text).unwrap();
            panic!("{} was missing; it is written now", path.display());
        }
    }
}
