//! The path to a version: hops with their reasons, and what was not taken.

use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::upgrade_path::{Hop, Part, Path, Support, SupportState};
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
    for support in &path.running {
        text.push_str(&hang("  ", &format!("{} runs: {}", support.version, supported(support))));
    }
    path.notes.iter().for_each(|note| text.push_str(&hang("  ", note)));
    if path.hops.is_empty() && path.blocked.is_empty() {
        text.push_str("  nothing to do: everything runs this version\n");
    }
    for (index, hop) in path.hops.iter().enumerate() {
        text.push_str(&one_hop(index + 1, hop, style));
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

fn one_hop(number: usize, hop: &Hop, style: Style) -> String {
    let part = match hop.what {
        Part::Istio => "Istio",
        Part::Kubernetes => "Kubernetes",
        Part::GatewayApi => "Gateway API",
        Part::NodeAgents => "Node agents",
    };
    let mut text = hang(&format!("  {number}. {part} {}  ", hop.to), &hop.why);
    if let Some(support) = &hop.support {
        text.push_str(&hang("       ", &supported(support)));
    }
    for warning in &hop.warnings {
        let remedy = warning.remedy.as_ref().map_or(String::new(), |remedy| format!(". To do: {remedy}"));
        let words = format!("leaving {}: {}{remedy}", warning.version, warning.why);
        text.push_str(&format!("       {}\n", style.paint(Tone::Warn, "warning")));
        text.push_str(&hang("         ", &words));
        text.push_str(&format!("         {}\n", warning.source));
    }
    for note in &hop.notes {
        text.push_str(&hang("       ", note));
    }
    text
}

fn supported(support: &Support) -> String {
    match (support.state, &support.until) {
        (SupportState::Supported, Some(until)) => format!("supported until {until}"),
        (SupportState::Supported, None) => "supported, no end announced".to_owned(),
        (SupportState::Ended, until) => format!("no support since {}", until.as_deref().unwrap_or("long")),
        (SupportState::Unknown, _) => "the catalogue does not say how long it is supported".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use meshlift_model::names::IstioVersion;
    use meshlift_model::upgrade_path::Warning;

    use super::*;

    #[test]
    fn warnings_and_ends_of_support_are_on_the_screen() {
        let version: IstioVersion = "1.28.2".parse().unwrap();
        let support = |state, until: Option<&str>| Support {
            version: version.clone(),
            until: until.map(str::to_owned),
            state,
        };
        let warning = Warning {
            version: version.clone(),
            why: "Gateways are emptied".to_owned(),
            remedy: Some("freeze them".to_owned()),
            source: "https://example.org/1".to_owned(),
        };
        let hop = Hop {
            what: Part::Istio,
            to: "1.29.9".to_owned(),
            why: "the target".to_owned(),
            support: Some(support(SupportState::Supported, None)),
            warnings: vec![warning],
            notes: vec!["a note".to_owned()],
        };
        let path = Path {
            from: version.clone(),
            to: "1.29.9".parse().unwrap(),
            running: vec![support(SupportState::Ended, Some("2026-07-01"))],
            notes: vec!["nobody knows".to_owned()],
            hops: vec![hop],
            refused: Vec::new(),
            blocked: Vec::new(),
        };
        let text = screen(&path, "2026-11-29", "meshlift check", Style::Plain);
        let expected = "PATH  from 1.28.2 to 1.29.9\n  1.28.2 runs: no support since 2026-07-01\n  nobody knows\n  \
                        1. Istio 1.29.9  the target\n       supported, no end announced\n       warning\n         \
                        leaving 1.28.2: Gateways are emptied. To do: freeze them\n         https://example.org/1\n       \
                        a note\n";
        assert!(text.starts_with(expected), "{text}");
        let json = serde_json::to_value(versions_json(&path, "2026-11-29")).unwrap();
        assert_eq!(json["hops"][0]["warnings"][0]["version"], "1.28.2");
        assert_eq!(json["running"][0]["state"], "ended");
    }
}
