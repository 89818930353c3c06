//! Who follows what, and what that resolves to now.

use std::collections::BTreeMap;

use meshlift_mesh::{Follower, Follows, Mesh};

use crate::text::{Style, Tone, WIDTH, count, fold_names, hang_at, wrap};
use crate::words;

/// Lines of names per row; the rest is counted. `-o json` has them all.
const ROW_LINES_MAX: usize = 3;
/// Columns before the names.
const NAMES_AT: usize = 34;
/// Columns of the pods' figure.
const PODS_WIDTH: usize = 6;

/// The table, one row per name that is followed and kind of follower.
pub(super) fn section(mesh: &Mesh, style: Style) -> String {
    let head =
        format!("{:<24}{:<10}{:<40}{:>PODS_WIDTH$}", "WHO FOLLOWS WHAT", "→ NOW", "NAMESPACES", "PODS");
    let mut text = format!("{}\n", style.heading(&head));
    let mut rows: BTreeMap<(&Follows, &str), Vec<&Follower>> = BTreeMap::new();
    for follower in &mesh.followers {
        rows.entry((&follower.follows, by(follower))).or_default().push(follower);
    }
    let unfollowed = mesh.tags.values().filter(|tag| {
        let here = Follows::Tag { tag: tag.name.clone() };
        !mesh.followers.iter().any(|follower| follower.follows == here)
    });
    let unfollowed: Vec<String> = unfollowed
        .map(|tag| row(&format!("tag {}", tag.name), &words::revision(tag.revision.as_ref()), &[], 0))
        .collect();
    for ((follows, by), followers) in &rows {
        text.push_str(&follower_row(mesh, follows, by, followers, style));
    }
    text.push_str(&unfollowed.concat());
    text.push_str(&ambient_row(mesh));
    for namespace in mesh.namespaces.values().filter(|namespace| namespace.two_selectors) {
        let line = format!("{} (istio-injection decides; istio.io/rev is ignored)", namespace.name);
        text.push_str(&hang_at("  two selectors: ", 4, &line));
    }
    text
}

/// How a follower selects: empty for a namespace's label.
pub(crate) fn by(follower: &Follower) -> &'static str {
    match follower.subject.kind.as_str() {
        "Namespace" => "",
        "Gateway" => "by Gateway label",
        _ => "by pod label",
    }
}

fn follower_row(mesh: &Mesh, follows: &Follows, by: &str, followers: &[&Follower], style: Style) -> String {
    let pods = followers.iter().map(|follower| follower.pods).sum();
    let now = match follows {
        Follows::Unserved { .. } | Follows::Nothing => "NOTHING".to_owned(),
        Follows::Tag { .. } | Follows::Revision { .. } => {
            words::revision(followers.first().and_then(|follower| follower.revision.as_ref()))
        }
    };
    let mut names: Vec<String> = followers.iter().map(|follower| follower.subject.short()).collect();
    names.sort();
    let name =
        if by.is_empty() { words::follows(follows) } else { format!("{} {by}", words::follows(follows)) };
    let mut text = row(&name, &now, &names, pods);
    if now == "NOTHING" {
        text = text.replacen("NOTHING", &style.paint(Tone::Bad, "NOTHING"), 1);
        let bare: usize =
            names.iter().filter_map(|name| mesh.namespaces.get(name)).map(|namespace| namespace.pods).sum();
        if bare > pods {
            text.push_str(&format!("    {} WITHOUT a sidecar\n", count(bare - pods, "pod")));
        }
    }
    text
}

fn row(name: &str, now: &str, names: &[String], pods: usize) -> String {
    let mut items = vec![format!("{}{}", names.len(), if names.is_empty() { "" } else { ":" })];
    items.extend(fold_names(names.iter().map(String::as_str)));
    let mut lines = wrap(items, WIDTH - NAMES_AT - PODS_WIDTH - 1);
    if lines.len() > ROW_LINES_MAX {
        lines.truncate(ROW_LINES_MAX);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    let names_width = WIDTH - NAMES_AT - PODS_WIDTH;
    let mut text = String::new();
    // A long name gets a line of its own, so that the columns stay where they are.
    let lead = if name.chars().count() > 21 {
        text.push_str(&format!("  {name}\n"));
        String::new()
    } else {
        name.to_owned()
    };
    for (index, line) in lines.iter().enumerate() {
        let shown = if index == 0 {
            format!("  {lead:<22}{now:<10}{line:<names_width$}{pods:>PODS_WIDTH$}")
        } else {
            format!("{:NAMES_AT$}{line}", "")
        };
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

fn ambient_row(mesh: &Mesh) -> String {
    let ambient = &mesh.ambient;
    if ambient.namespaces.is_empty() {
        return String::new();
    }
    let now = match (&ambient.ztunnel_version, ambient.ztunnels.is_empty()) {
        (_, true) => "NOTHING".to_owned(),
        (Some(version), false) => version.to_string(),
        (None, false) => "unknown".to_owned(),
    };
    let mut text = row("ambient", &now, &ambient.namespaces, ambient.enrolled.len());
    if !ambient.not_captured.is_empty() {
        let why = if ambient.ztunnels.is_empty() { "there is no ztunnel" } else { "they are not captured" };
        let line = format!("{} NOT in the mesh: {why}", count(ambient.not_captured.len(), "pod"));
        text.push_str(&hang_at("    ", 4, &line));
    }
    text
}
