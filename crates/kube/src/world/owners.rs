//! Owners are told who restarted their pods: by an annotation on the workload, and by an Event.

use meshlift_model::defaults::{RESTARTED_AT, RUN_ANNOTATION};
use meshlift_model::effect::{Change, Write};
use serde_json::{Value, json};

use super::{Hands, places};
use crate::clock;
use crate::record::FIELD_MANAGER;

impl Hands {
    /// The patch of a restart also names the run, on the workload itself: its template stays as its owner wrote it.
    pub(super) fn signed(&self, write: &Write, patch: &mut Value) {
        if is_restart(write) {
            let signature = json!({"metadata": {"annotations": {RUN_ANNOTATION: self.run.run}}});
            meshlift_views::patch::merge(patch, &signature);
        }
    }

    /// Leaves an Event about what was done to somebody's pods. It informs and decides nothing: where it cannot be
    /// written, the annotation and the journal still tell.
    pub(super) async fn tell_owner(&self, write: &Write) {
        let Some(note) = note(write) else { return };
        let target = &write.target;
        let Ok(info) = places::info(&target.kind) else { return };
        let now = clock::timestamp(clock::now());
        let event = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": "meshlift-", "namespace": target.namespace},
            "eventTime": format!("{now:.6}"),
            "reportingController": FIELD_MANAGER,
            "reportingInstance": self.run.run,
            "action": "Upgrade",
            "reason": "IstioUpgrade",
            "type": "Normal",
            "note": format!("meshlift run {}: {note}", self.run.run),
            "regarding": {
                "apiVersion": info.api_version,
                "kind": info.wire_kind(),
                "namespace": target.namespace,
                "name": target.name,
                "uid": write.uid,
            },
        });
        let path = places::collection_at("events.k8s.io/v1", "events", &target.namespace);
        let _ = self.calls.create(&path, &event).await;
    }
}

fn is_restart(write: &Write) -> bool {
    matches!(&write.change, Change::TemplateAnnotation { key, .. } if key == RESTARTED_AT)
}

/// What an owner wants to know of a write; nothing for writes that touch nobody's pods.
fn note(write: &Write) -> Option<&'static str> {
    match &write.change {
        Change::TemplateAnnotation { value: Some(_), .. } => {
            Some("restarted, so that new pods get their proxy")
        }
        Change::TemplateAnnotation { value: None, .. } => Some("restart taken back"),
        Change::Evict => Some("evicted, so that its successor gets its proxy"),
        Change::Delete if write.target.kind == "Pod" => Some("deleted, so that its successor gets its proxy"),
        Change::RecreatePod => Some("created anew, so that it gets its proxy"),
        Change::Labels { .. }
        | Change::Replicas { .. }
        | Change::AutoscalerMin { .. }
        | Change::Partition { .. }
        | Change::Strategy { .. }
        | Change::Quota { .. }
        | Change::Delete
        | Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => None,
    }
}
