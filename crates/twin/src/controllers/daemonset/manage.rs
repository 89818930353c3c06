//! One pod per node that should have one (`manage`, `podsShouldBeOnNode`).

use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::time::Time;

use super::{Daemons, Work};
use crate::controllers::pods;

impl Daemons<'_> {
    /// Pods that are missing, ended, or too much.
    pub(super) fn manage(&self, now: Time) -> Work {
        let mut work = Work::default();
        for (node, should_run) in &self.nodes {
            let all = self.on_node(node);
            let live: Vec<&Pod> = all.iter().copied().filter(|pod| !pods::is_terminating(pod)).collect();
            if !should_run {
                work.delete.extend(live.iter().map(|pod| pod.object_ref()));
                continue;
            }
            if all.is_empty() {
                work.create_on.push(node.clone());
                continue;
            }
            let (ended, running): (Vec<&Pod>, Vec<&Pod>) =
                live.into_iter().partition(|pod| pod.is_finished());
            work.delete.extend(ended.iter().map(|pod| pod.object_ref()));
            if self.surge() == 0 {
                work.delete.extend(running.iter().skip(1).map(|pod| pod.object_ref()));
            } else if running.is_empty() {
                work.create_on.push(node.clone());
            } else {
                self.thin_out(&running, now, &mut work);
            }
        }
        work
    }

    /// With surge a node may have an old pod and a new one, until the new one can take over.
    fn thin_out(&self, running: &[&Pod], now: Time, work: &mut Work) {
        let (updated, old): (Vec<&Pod>, Vec<&Pod>) =
            running.iter().copied().partition(|pod| self.is_updated(pod));
        for surplus in updated.iter().skip(1).chain(old.iter().skip(1)) {
            work.delete.push(surplus.object_ref());
        }
        if let (Some(updated), Some(old)) = (updated.first(), old.first())
            && (!old.is_ready() || self.is_available(updated, now))
        {
            work.delete.push(old.object_ref());
        }
    }
}
