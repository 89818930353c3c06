//! Both corners over time, for the report file.

use std::collections::BTreeSet;

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
    let moved: BTreeSet<&ObjectRef> =
        plan.steps.iter().flat_map(|step| &step.floors).map(|floor| &floor.workload).collect();
    let touched = moved.into_iter().filter_map(|name| Some((name, ended.traffic.workloads.get(name)?)));
    let workloads = touched.map(|(workload, traffic)| WorkloadSeries {
        workload: workload.clone(),
        replicas: traffic.replicas,
        ready: traffic.ready.clone(),
    });
    CornerSeries {
        began: ended.began,
        ended: ended.ended,
        steps: ended.run.steps(),
        workloads: workloads.collect(),
    }
}
