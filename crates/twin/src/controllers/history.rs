//! Template hashes and ControllerRevisions (`pkg/controller/history`).

use meshlift_model::k8s::PodTemplateSpec;

use crate::seed::{Seed, text_hash};

/// A hash of a template, in the letters that Kubernetes uses for it (`controller.ComputeHash`). Equal
/// templates hash alike; the value is the twin's own, not upstream's, because templates are recorded trimmed.
pub(crate) fn template_hash(template: &PodTemplateSpec, collision_count: Option<i32>) -> String {
    /// Length of most hashes that upstream yields.
    const LETTERS: u64 = 10;
    let text = serde_json::to_string(template).unwrap_or_default();
    let collisions = u64::from(collision_count.unwrap_or(0).unsigned_abs());
    Seed::new(text_hash(&text)).nth(collisions).letters(LETTERS)
}
