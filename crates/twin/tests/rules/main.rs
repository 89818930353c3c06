//! Rules of Kubernetes that the recorded rollouts do not show, one small cluster each.

mod batch;
mod deletion;
mod deployments;
mod limits;
mod scene;
mod sets;
mod storage;
