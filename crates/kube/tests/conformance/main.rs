//! The twin does what a real control plane does: the same effects on the same objects, through the same port, and the
//! same shapes come of them: how few pods were ready, how many there were at once, and how it ended.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod mesh;
mod shapes;

use meshlift_cluster::{Cluster, Options};
use meshlift_kube::{Access, Actor, Connection, LiveOptions, LiveWorld, collect};
use meshlift_model::snapshot::Snapshot;
use meshlift_ports::WorldPort;
use meshlift_twin::traffic::Corner;
use meshlift_twin::world::{TwinOptions, TwinWorld};
use shapes::Story;

/// What is done, and what is told of it.
type Scenario = fn(&mut dyn WorldPort) -> Story;

const SCENARIOS: [(&str, Scenario); 9] = [
    ("surge", shapes::a_rollout_with_surge),
    ("no-surge", shapes::a_rollout_without_surge),
    ("quota", shapes::a_quota_that_blocks_surge),
    ("budget", shapes::a_budget_that_blocks_an_eviction),
    ("partition", shapes::a_partition_that_is_lifted),
    ("on-delete", shapes::an_on_delete_set),
    ("never-ready", shapes::a_set_that_gets_stuck_and_goes_back),
    ("relabelled", shapes::a_namespace_that_somebody_relabelled),
    ("no-injector", shapes::an_injector_that_does_not_answer),
];

#[test]
fn the_twin_does_what_a_cluster_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(Cluster::up(Options::default())).unwrap();
    let access = Access { kubeconfig: Some(cluster.kubeconfig()), context: None };
    let connection = Connection::open(&access).unwrap();
    runtime.block_on(mesh::create(&cluster));
    let snapshot = collect(&connection, &meshlift_kube::collect::Options::default(), &mut |_| ()).unwrap();
    let mut twin = TwinWorld::load(&snapshot, TwinOptions { seed: 1, corner: Corner::BEST, manifest: None });
    let reader = Box::new(|| Ok(Snapshot::default()));
    let run = Actor { run: "test".to_owned(), namespace: "default".to_owned(), executor: None };
    let options = LiveOptions { installable: None, reader, run };
    let mut live = LiveWorld::new(connection, options);
    let mut differ = Vec::new();
    for (name, scenario) in SCENARIOS {
        let (real, told) = (scenario(&mut live), scenario(&mut twin));
        eprintln!("{name}\n  real {real:?}\n  twin {told:?}");
        if real != told {
            differ.push(name);
        }
    }
    assert!(differ.is_empty(), "the twin differs: {differ:?}");
}
