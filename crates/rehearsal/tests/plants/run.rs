//! One run on the twin, with a plant or without, and what the checkers say of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use meshlift_driver::CheckedWorld;
use meshlift_driver::{DriverPolicy, MemoryJournal, begin, drive};
use meshlift_mesh::Mesh;
use meshlift_model::effect::{Effect, EffectId};
use meshlift_model::intent::Intent;
use meshlift_model::journal::{Input, JournalLine};
use meshlift_model::manifest::Manifest;
use meshlift_model::plan::Plan;
use meshlift_model::plant::{Plant, plant};
use meshlift_model::run_report::Violation;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::{JournalError, JournalPort, PortError, WorldPort};
use meshlift_twin::checkers::{Announced, Evidence, violations};
use meshlift_twin::traffic::{Corner, measure};
use meshlift_twin::witness::Witness;
use meshlift_twin::world::{TwinOptions, TwinWorld};

/// What somebody else may wait for.
pub(super) enum Seen<'a> {
    /// An effect was handed over.
    Effect(&'a Effect),
    /// The whole mesh was read, as checks do.
    Mesh,
}

/// Somebody else's hand: sees what passes, and may change the world.
pub(super) type Meddle = Box<dyn FnMut(&mut TwinWorld, &Seen<'_>)>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(super) static BEFORE: LazyLock<Mesh> = LazyLock::new(|| {
    let path = root().join("fixtures/clusters/before.meshlift");
    Mesh::derive(Arc::new(meshlift_snapshot::read(&path).expect("a recording")))
});

fn manifest() -> Manifest {
    let target = "1.30.3".parse().expect("a version");
    meshlift_snapshot::shipped_manifest(&target, false).expect("a manifest")
}

pub(super) fn plan(intent: &Intent) -> Plan {
    let digest = meshlift_snapshot::digest(&BEFORE.snapshot);
    meshlift_planner::plan(&BEFORE, intent, Some(&manifest()), &digest).expect("a plan").0
}

/// A world in which somebody else acts too.
struct Meddled {
    world: TwinWorld,
    meddle: Meddle,
}

impl WorldPort for Meddled {
    fn now(&self) -> Time {
        self.world.now()
    }

    fn submit(&mut self, effect_id: EffectId, effect: &Effect) {
        self.world.submit(effect_id, effect);
        (self.meddle)(&mut self.world, &Seen::Effect(effect));
    }

    fn next(&mut self, until: Option<Time>) -> Input {
        self.world.next(until)
    }

    fn snapshot(&mut self) -> Result<Snapshot, PortError> {
        let snapshot = self.world.snapshot();
        (self.meddle)(&mut self.world, &Seen::Mesh);
        snapshot
    }
}

/// A journal of which a witness hears.
struct Witnessed {
    journal: MemoryJournal,
    witness: Witness,
}

impl JournalPort for Witnessed {
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        self.journal.append(line)?;
        self.witness.appended(line);
        Ok(())
    }

    fn lines(&self) -> Result<Vec<JournalLine>, JournalError> {
        self.journal.lines()
    }
}

/// Plans and carries out, in the best corner; what was worse than announced.
pub(super) fn run(
    intent: &Intent,
    rollback_after: Option<&str>,
    seed: u64,
    meddle: Meddle,
    planted: Option<Plant>,
) -> Vec<Violation> {
    let guard = planted.map(plant);
    let plan = plan(intent);
    let options = TwinOptions { seed, corner: Corner::BEST, manifest: Some(manifest()) };
    let world = TwinWorld::load(&BEFORE.snapshot, options);
    let (began, witness) = (world.began(), world.witness());
    let mut journal = Witnessed { journal: MemoryJournal::default(), witness };
    let mut world = CheckedWorld::new(Meddled { world, meddle }, plan.intent.clone(), plan.target.clone());
    begin(&mut journal, "planted", &plan, began).expect("begun");
    let policy = DriverPolicy {
        auto_approve: Some("a test".into()),
        rollback_after: rollback_after.map(str::to_owned),
        ..DriverPolicy::default()
    };
    let ended = drive(&mut world, &mut journal, &policy, &mut |_| {});
    drop(guard);
    // A planted bug may break the run itself; what it did until then counts.
    assert!(planted.is_some() || ended.is_ok(), "{ended:?}");
    let world = world.into_inner().world;
    let traffic = measure(world.twin().cluster.store.changes(), began, world.now(), Corner::BEST);
    let reviews = world.reviews();
    violations(&Evidence::of_world(&world, &reviews, Some(&traffic)), &Announced::of_plan(&plan))
}
