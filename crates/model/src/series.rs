//! How a rehearsal went over time: what the report file draws. No part of any JSON.

use crate::names::ObjectRef;
use crate::run_report::StepReport;
use crate::time::Time;

/// Both corners over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Kind apps, fast endpoints, fast start.
    pub best: CornerSeries,
    /// Abrupt apps, slow endpoints, slow start.
    pub worst: CornerSeries,
}

/// One corner over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CornerSeries {
    /// Begin of the run.
    pub began: Time,
    /// End of the run.
    pub ended: Time,
    /// Steps, with their times in this corner.
    pub steps: Vec<StepReport>,
    /// Workloads that the plan moves, in order.
    pub workloads: Vec<WorkloadSeries>,
}

/// Ready pods of one workload over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadSeries {
    /// The workload.
    pub workload: ObjectRef,
    /// Desired pods when the plan was made; others may scale it while the run goes on.
    pub replicas: i32,
    /// Ready pods from each time on, in order; the first says how many there were at the begin.
    pub ready: Vec<(Time, i32)>,
}
