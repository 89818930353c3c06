//! The path to a version: hops with their reasons, and what was not taken.

use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::upgrade_path::{Part, Path};
use serde::Serialize;

use crate::text::{Style, Tone, hang};

/// The path for programs.
#[derive(Debug, Serialize)]
pub struct VersionsJson<'a> {
    format_version: u32,
    /// Day of the catalogue of releases.
    catalogue: &'a str,
    #[serde(flatten)]
    path: &'a Path,
}

/// The path, and the day of the catalogue that it was made with.
#[must_use]
pub fn versions_json<'a>(path: &'a Path, catalogue: &'a str) -> VersionsJson<'a> {
    VersionsJson { format_version: FORMAT_VERSION, catalogue, path }
}

/// The screen; `next` is the last line's command.
#[must_use]
pub fn screen(path: &Path, catalogue: &str, next: &str, style: Style) -> String {
    let mut text = format!("{}  from {} to {}\n", style.heading("PATH"), path.from, path.to);
    if path.hops.is_empty() && path.blocked.is_empty() {
        text.push_str("  nothing to do: everything runs this version\n");
    }
    for (index, hop) in path.hops.iter().enumerate() {
        let part = match hop.what {
            Part::Istio => "Istio",
            Part::Kubernetes => "Kubernetes",
            Part::GatewayApi => "Gateway API",
        };
        text.push_str(&hang(&format!("  {}. {part} {}  ", index + 1, hop.to), &hop.why));
        for note in &hop.notes {
            text.push_str(&hang("       ", note));
        }
    }
    if !path.blocked.is_empty() {
        text.push_str(&format!("{}\n", style.paint(Tone::Bad, "IN THE WAY")));
        path.blocked.iter().for_each(|why| text.push_str(&hang("  ", why)));
    }
    if !path.refused.is_empty() {
        text.push_str(&format!("{}\n", style.heading("NOT TAKEN")));
        for refusal in &path.refused {
            text.push_str(&hang(&format!("  {}  ", refusal.what), &refusal.why));
            text.push_str(&format!("       {}\n", refusal.source));
        }
    }
    text.push_str(&format!(
        "CATALOGUE  releases as known on {catalogue}; --catalogue FILE takes a newer one\n"
    ));
    text.push_str(&format!("next: {next}\n"));
    text
}
