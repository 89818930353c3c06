//! Both corners over time, for the report file.

use std::collections::BTreeMap;

use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Plan;
use meshlift_model::series::{CornerSeries, Series, WorkloadSeries};

use crate::{Ended, Outcome};

impl Outcome {
    /// How both corners went over time: ready pods of what the plan moves, and when each step was at work.
    #[must_use]
    pub fn series(&self, plan: &Plan) -> Series {
        Series { best: corner(&self.best, plan), worst: corner(&self.worst, plan) }
    }
}

fn corner(ended: &Ended, plan: &Plan) -> CornerSeries {
    let floors = plan.steps.iter().flat_map(|step| &step.floors);
    let moved: BTreeMap<&ObjectRef, i32> = floors.map(|floor| (&floor.workload, floor.replicas)).collect();
    let workloads = moved.into_iter().filter_map(|(workload, replicas)| {
        let ready = ended.traffic.workloads.get(workload)?.ready.clone();
        Some(WorkloadSeries { workload: workload.clone(), replicas, ready })
    });
    CornerSeries {
        began: ended.began,
        ended: ended.ended,
        steps: ended.run.steps(),
        workloads: workloads.collect(),
    }
}
