//! What the mesh predicts and what the twin's admission does are two readings of the same webhooks, written apart.

use std::path::Path;
use std::sync::Arc;

use meshlift_mesh::{Mesh, Role};
use meshlift_model::effect::{Effect, InjectionProof, Observation, Outcome, Query};
use meshlift_model::journal::InputEvent;
use meshlift_model::names::ObjectRef;
use meshlift_ports::WorldPort;
use meshlift_twin::traffic::Corner;
use meshlift_twin::world::{TwinOptions, TwinWorld};

const RECORDINGS: [&str; 11] = [
    "after",
    "after-broken",
    "ambient-before",
    "ambient-canary-installed",
    "ambient-frozen-tag-moved",
    "ambient-tag-moved",
    "before",
    "canary-installed",
    "canary-moved",
    "half-moved",
    "moved",
];

fn dry_run(world: &mut TwinWorld, workload: &ObjectRef) -> InjectionProof {
    let query = Query::DryRun {
        namespace: workload.namespace.to_string(),
        workloads: vec![workload.clone()],
        count: 1,
    };
    world.submit(0, &Effect::Read(query));
    loop {
        let InputEvent::Outcome { outcome, .. } = world.next(None).event else { continue };
        let proof = match outcome {
            Outcome::Observed { observation: Observation::DryRun { proofs } } => proofs.into_iter().next(),
            Outcome::Observed { .. } | Outcome::Done { .. } | Outcome::Failed { .. } => None,
        };
        return proof.unwrap();
    }
}

#[test]
fn the_twin_injects_every_template_as_the_mesh_predicts() {
    let mut compared = 0;
    for recording in RECORDINGS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/clusters")
            .join(format!("{recording}.meshlift"));
        let snapshot = meshlift_snapshot::read(&path).unwrap();
        let mesh = Mesh::derive(Arc::new(snapshot.clone()));
        let options = TwinOptions { seed: 0, corner: Corner::BEST, manifest: None };
        let mut world = TwinWorld::load(&snapshot, options);
        for (reference, workload) in &mesh.workloads {
            // Gateways of istiod's controller and ztunnel carry the revision of their maker; nothing injects them.
            let injected = match workload.role {
                Role::App | Role::InjectedGateway | Role::Istiod | Role::Cni => true,
                Role::ManagedGateway | Role::Waypoint | Role::Ztunnel => false,
            };
            if !injected || !matches!(reference.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
                continue;
            }
            let proof = dry_run(&mut world, reference);
            assert_eq!(proof.revision, workload.on_restart.revision, "{recording} {reference}: {proof:?}");
            compared += 1;
        }
    }
    assert!(compared > 500, "{compared} templates were compared");
}
