//! Recorded rollouts read back as typed events.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::Object;
use meshlift_snapshot::fixtures::{ROLLOUTS, WatchEventType, rollout, rollout_commands};

#[test]
fn rollouts_hold_every_kind_of_event_in_order() {
    let mut kinds = BTreeSet::new();
    for namespace in ROLLOUTS {
        let events = rollout(namespace).unwrap();
        assert!(events.iter().all(|event| event.object.meta().namespace == *namespace));
        let mut newest = BTreeMap::new();
        for event in &events {
            let earlier = newest.insert(event.object.info().resource, event.at_millis);
            assert!(earlier.is_none_or(|earlier| earlier <= event.at_millis), "{namespace}");
        }
        kinds.extend(events.iter().map(|event| event.object.info().resource));
        let deleted =
            |event: &&meshlift_snapshot::fixtures::WatchEvent| event.type_ == WatchEventType::Deleted;
        let pods = events.iter().filter(deleted).filter(|event| matches!(event.object, Object::Pod(_)));
        assert_eq!(pods.count() > 0, *namespace != "quota-tight", "{namespace}");
    }
    for resource in
        ["pods", "replicasets.apps", "controllerrevisions.apps", "endpointslices.discovery.k8s.io"]
    {
        assert!(kinds.contains(resource), "{resource}");
    }
    assert!(rollout_commands().unwrap().contains("rollout restart deployment.apps/bff -n web"));
}
