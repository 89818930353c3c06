//! Paths over the built-in catalogue, and over changed ones.

use meshlift_model::upgrade_path::{Path, SupportState};

use super::{Agent, Releases, Situation, path};

fn situation(running: &str, kubernetes: &str) -> Situation {
    Situation {
        running: [running.parse().unwrap()].into(),
        kubernetes: Some(kubernetes.to_owned()),
        ..Situation::default()
    }
}

fn of(situation: &Situation, target: &str) -> Path {
    let (releases, today) = (Releases::built_in().unwrap(), "2026-11-29".parse().unwrap());
    path(situation, &target.parse().unwrap(), &releases, today).unwrap()
}

fn hops(path: &Path) -> Vec<String> {
    path.hops.iter().map(|hop| format!("{:?} {}", hop.what, hop.to)).collect()
}

#[test]
fn one_minor_version_is_one_hop() {
    let found = of(&situation("1.29.6", "v1.34.4"), "1.30.3");
    assert_eq!(hops(&found), ["Istio 1.30.3"]);
    assert!(found.blocked.is_empty());
    assert_eq!(found.refused[0].what, "1.30.5");
}

fn refused<'a>(path: &'a Path, what: &str) -> &'a str {
    let found = path.refused.iter().find(|one| one.what == what);
    &found.unwrap_or_else(|| panic!("{what}: {path:?}")).why
}

#[test]
fn revisions_jump_two_minor_versions_and_no_more() {
    let found = of(&situation("1.27.9", "v1.33.1"), "1.30.5");
    assert_eq!(hops(&found), ["Istio 1.29.9", "Istio 1.30.5"]);
    assert!(refused(&found, "1.27.9 to 1.30.5 in one hop").contains("at most two"));
    assert!(refused(&found, "1.28 on the way").contains("two minor versions apart"));
    let ends: Vec<_> = found.hops.iter().filter_map(|hop| hop.support.as_ref()?.until.as_deref()).collect();
    assert_eq!(ends, ["2026-10-15"]);
    assert!(found.hops[0].notes.iter().any(|note| note.contains("in place, 1.28 comes first")), "{found:?}");
    assert!(found.hops[1].notes.iter().all(|note| !note.contains("in place")), "{found:?}");
    assert_eq!(hops(&of(&situation("1.26.8", "v1.32.1"), "1.28.10")), ["Istio 1.28.10"]);
}

/// Something that runs here forbids to pass a minor version over.
fn by_steps(situation: Situation) -> Situation {
    Situation { agents: vec![Agent { name: "istio-cni", version: None }], ..situation }
}

#[test]
fn one_minor_version_at_a_time_where_two_would_leave_somebody_behind() {
    let plain = situation("1.28.10", "v1.34.4");
    assert_eq!(hops(&of(&plain, "1.30.5")), ["Istio 1.30.5"]);
    let step = |situation: &Situation, why: &str| {
        let path = of(situation, "1.30.5");
        assert_eq!(hops(&path), ["Istio 1.29.9", "Istio 1.30.5"], "{why}");
        assert!(refused(&path, "1.28.10 to 1.30 in one hop").contains(why), "{path:?}");
        assert!(
            path.hops.iter().flat_map(|hop| &hop.notes).all(|note| !note.contains("in place")),
            "{path:?}"
        );
    };
    step(&by_steps(plain.clone()), "istio-cni");
    step(&Situation { agents_unread: true, ..plain.clone() }, "DaemonSets were not read");
    step(&Situation { several_clusters: Some(true), ..plain.clone() }, "other clusters");
    let unknown = of(&plain, "1.30.5");
    assert!(
        unknown.hops[0].notes.iter().any(|note| note.contains("if it has, 1.29 comes first")),
        "{unknown:?}"
    );
    // 1.24 runs on Kubernetes up to 1.31, as its catalogue has it; 1.26 from 1.29 on.
    let text = include_str!("../../data/releases.yaml").replace(
        r#"{minor: "1.26", end_of_life: 2025-12-22, kubernetes: ["1.29", "1.33"]"#,
        r#"{minor: "1.26", end_of_life: 2025-12-22, kubernetes: ["1.32", "1.33"]"#,
    );
    let releases = Releases::parse(&text).unwrap();
    let (target, today) = ("1.26.8".parse().unwrap(), "2026-11-29".parse().unwrap());
    let path = super::path(&situation("1.24.6", "v1.31.1"), &target, &releases, today).unwrap();
    assert_eq!(hops(&path), ["Istio 1.25.5", "Kubernetes 1.32", "Istio 1.26.8"]);
    assert!(refused(&path, "1.24.6 to 1.26 in one hop").contains("no Kubernetes"), "{path:?}");
    // What the catalogue does not know is no reason to jump.
    let old = of(&situation("1.23.6", "v1.29.1"), "1.25.5");
    assert!(old.blocked.iter().any(|why| why.contains("1.23 is not in the catalogue")), "{old:?}");
}

#[test]
fn what_is_broken_where_one_leaves_is_mended_first() {
    let gateways = Situation { managed_gateways: true, ..situation("1.29.2", "v1.34.4") };
    assert_eq!(hops(&of(&gateways, "1.30.5")), ["Istio 1.29.9", "Istio 1.30.5"]);
    assert!(of(&gateways, "1.30.5").refused.iter().any(|one| one.what == "leaving 1.29.2 as it is"));
    // Without such gateways nothing is broken for this mesh.
    assert_eq!(hops(&of(&situation("1.29.2", "v1.34.4"), "1.30.5")), ["Istio 1.30.5"]);
}

#[test]
fn a_broken_target_blocks_and_names_a_better_one() {
    let found = of(&situation("1.29.6", "v1.34.4"), "1.30.1");
    assert!(found.blocked.iter().any(|why| why.contains("60629") && why.contains("1.30.5")), "{found:?}");
    let ambient = Situation { ambient: true, ..situation("1.29.6", "v1.34.4") };
    assert!(of(&ambient, "1.30.0").blocked.iter().any(|why| why.contains("60328")));
    assert!(of(&ambient, "1.30.5").blocked.is_empty());
}

#[test]
fn what_is_light_stops_nobody_and_is_told_where_another_patch_mends_it() {
    let told = |running: &str, target: &str| {
        let path = of(&situation(running, "v1.34.4"), target);
        assert!(path.blocked.iter().all(|why| !why.contains("61049")), "{path:?}");
        let notes = path.hops.iter().flat_map(|hop| &hop.notes);
        notes.filter(|note| note.contains("61049")).cloned().collect::<Vec<_>>()
    };
    let [note] = &told("1.29.6", "1.30.3")[..] else { panic!() };
    assert!(note.ends_with("; 1.30.5 has it mended"), "{note}");
    assert!(told("1.29.6", "1.30.5").is_empty());
    // No patch of 1.28 mends it.
    assert!(told("1.27.9", "1.28.2").is_empty());
    // Patches on the way are chosen by it.
    let path = of(&by_steps(situation("1.28.10", "v1.34.4")), "1.30.5");
    let one = path.refused.iter().find(|one| one.source.ends_with("/61049")).unwrap();
    assert_eq!(one.what, "1.29.0 to 1.29.6");
}

#[test]
fn what_strikes_several_clusters_is_a_note_where_nobody_knows_whether_there_are() {
    let of_clusters = |several_clusters| {
        let situation = Situation { several_clusters, ..situation("1.29.6", "v1.34.4") };
        let path = of(&situation, "1.30.3");
        let notes = path.hops.iter().flat_map(|hop| &hop.notes);
        let noted = notes.filter(|note| note.contains("61043") && note.contains("not known")).count();
        (path.blocked.iter().filter(|why| why.contains("61043")).count(), noted)
    };
    assert_eq!(of_clusters(Some(true)), (1, 0));
    assert_eq!(of_clusters(None), (0, 1));
    assert_eq!(of_clusters(Some(false)), (0, 0));
}

#[test]
fn kubernetes_and_the_gateway_api_come_where_they_are_needed() {
    let old = Situation { gateway_api: Some("v1.4.1".to_owned()), ..situation("1.29.6", "v1.31.2") };
    assert_eq!(hops(&of(&old, "1.30.5")), ["Kubernetes 1.32", "GatewayApi 1.5", "Istio 1.30.5"]);
    let far = Situation { gateway_api: Some("v1.4.1".to_owned()), ..situation("1.29.6", "v1.34.4") };
    assert_eq!(hops(&of(&far, "1.31.1")), ["GatewayApi 1.5", "Istio 1.31.1"]);
    assert!(of(&far, "1.31.1").hops[0].notes.iter().any(|note| note.starts_with("1.29 may ignore")));
    assert_eq!(
        hops(&of(&by_steps(far.clone()), "1.31.1")),
        ["GatewayApi 1.5", "Istio 1.30.5", "Istio 1.31.1"]
    );
    // Nothing here depends on the bundle.
    let none = Situation { tls_routes: Some(false), ..far };
    let path = of(&none, "1.30.5");
    assert_eq!(hops(&path), ["Istio 1.30.5"]);
    assert!(path.hops[0].notes.iter().any(|note| note.contains("1.4 may stay")), "{path:?}");
    let newer = situation("1.27.9", "v1.36.0");
    assert!(of(&newer, "1.28.10").hops[0].notes.iter().any(|note| note.contains("untested")));
}

#[test]
fn there_is_no_path_backwards_or_into_the_unknown() {
    assert!(of(&situation("1.30.3", "v1.34.4"), "1.29.6").blocked[0].contains("older"));
    let unknown = of(&situation("1.31.0", "v1.34.4"), "1.33.0");
    assert!(unknown.blocked[0].contains("--catalogue"), "{unknown:?}");
    assert!(hops(&of(&situation("1.30.3", "v1.34.4"), "1.30.3")).is_empty());
}

#[test]
fn what_no_patch_mends_is_a_warning_of_the_hop_that_leaves_it() {
    let gateways = Situation { managed_gateways: true, ..situation("1.28.2", "v1.34.4") };
    for target in ["1.29.9", "1.30.3"] {
        let path = of(&gateways, target);
        assert!(path.blocked.is_empty(), "{path:?}");
        let [warning] = &path.hops[0].warnings[..] else { panic!("{path:?}") };
        assert_eq!(warning.version.to_string(), "1.28.2");
        assert!(warning.why.contains("30 s") && warning.source.ends_with("/59959"), "{warning:?}");
        assert!(warning.remedy.as_ref().unwrap().contains("freeze each Gateway"), "{warning:?}");
        assert!(path.hops[1..].iter().all(|hop| hop.warnings.is_empty()), "{path:?}");
    }
    assert!(of(&situation("1.28.2", "v1.34.4"), "1.29.9").hops[0].warnings.is_empty());
}

#[test]
fn what_a_patch_in_place_mends_names_that_patch() {
    let gateways = Situation { managed_gateways: true, ..situation("1.29.2", "v1.34.4") };
    let [warning] = &of(&gateways, "1.29.9").hops[0].warnings[..] else { panic!() };
    assert!(warning.remedy.as_ref().unwrap().contains("to 1.29.9 itself"), "{warning:?}");
    // A hop that mends is such an upgrade: nothing leaves anything.
    let path = of(&gateways, "1.30.5");
    assert!(path.hops.iter().all(|hop| hop.warnings.is_empty()), "{path:?}");
    assert!(path.hops[0].notes.iter().any(|note| note.contains("upgrade this revision itself")), "{path:?}");
    // Whoever else runs a version that strikes is told too.
    let mut both = Situation { managed_gateways: true, ..situation("1.28.10", "v1.34.4") };
    both.running.insert("1.29.2".parse().unwrap());
    let path = of(&both, "1.30.5");
    let left: Vec<_> =
        path.hops.iter().flat_map(|hop| &hop.warnings).map(|one| one.version.to_string()).collect();
    assert_eq!(left, ["1.28.10", "1.29.2"]);
}

#[test]
fn what_strikes_on_leaving_the_target_is_said() {
    let gateways = Situation { managed_gateways: true, ..situation("1.27.9", "v1.33.1") };
    let notes = of(&gateways, "1.28.10").hops[0].notes.clone();
    assert!(
        notes.iter().any(|note| note.starts_with("when it is left again: ") && note.contains("59959")),
        "{notes:?}"
    );
}

#[test]
fn another_major_version_is_no_target() {
    let found = of(&situation("1.29.6", "v1.34.4"), "2.0.0");
    assert!(found.blocked[0].contains("another major version than 1.29.6"), "{found:?}");
    assert!(found.hops.is_empty());
    assert!(of(&situation("2.0.0", "v1.34.4"), "1.29.6").blocked[0].contains("another major version"));
}

#[test]
fn a_version_that_runs_already_is_not_gone_back_from() {
    let mut both = situation("1.29.6", "v1.34.4");
    both.running.insert("1.30.5".parse().unwrap());
    assert!(of(&both, "1.30.3").blocked[0].contains("1.30.3 is older than 1.30.5"));
    assert!(of(&both, "1.30.5").blocked.is_empty());
}

#[test]
fn a_patch_that_the_catalogue_does_not_know_is_noted() {
    let found = of(&situation("1.29.6", "v1.34.4"), "1.30.99");
    let [note] = &found.notes[..] else { panic!("{found:?}") };
    assert!(
        note.starts_with("1.30.99 is not known") && note.contains("2026-11-29, whose newest patch is 1.30.5"),
        "{note}"
    );
    assert!(note.contains("what is broken in it is not known either"), "{note}");
    assert!(found.blocked.is_empty());
    assert!(of(&situation("1.30.99", "v1.34.4"), "1.31.1").notes[0].starts_with("1.30.99 is not known"));
    assert!(of(&situation("1.29.6", "v1.34.4"), "1.30.5").notes.is_empty());
}

fn with_agents(cni: Option<&str>, ztunnel: Option<&str>) -> Situation {
    let agent = |name, version: Option<&str>| Agent {
        name,
        version: version.map(|version| version.parse().unwrap()),
    };
    let agents = vec![agent("istio-cni", cni), agent("ztunnel", ztunnel)];
    Situation { ambient: true, agents, ..situation("1.29.6", "v1.34.4") }
}

#[test]
fn agents_of_the_nodes_that_are_behind_come_first() {
    let late = of(&with_agents(Some("1.28.3"), Some("1.28.3")), "1.30.5");
    assert_eq!(hops(&late), ["NodeAgents 1.29.6", "Istio 1.30.5"]);
    let why = &late.hops[0].why;
    assert!(
        why.contains("istio-cni runs 1.28.3, ztunnel runs 1.28.3") && why.contains("one minor version"),
        "{why}"
    );
    // Only one of them is behind; they follow each hop, so they are never behind again.
    let one = of(&with_agents(Some("1.29.6"), Some("1.28.3")), "1.31.1");
    assert_eq!(hops(&one), ["NodeAgents 1.29.6", "Istio 1.30.5", "Istio 1.31.1"]);
    assert!(!one.hops[0].why.contains("istio-cni"), "{one:?}");
    assert_eq!(
        hops(&of(&with_agents(Some("1.29.6"), Some("1.29.6")), "1.31.1")),
        ["Istio 1.30.5", "Istio 1.31.1"]
    );
    // One minor version behind is as far as they may be.
    assert_eq!(hops(&of(&with_agents(Some("1.28.3"), Some("1.28.3")), "1.29.9")), ["Istio 1.29.9"]);
    let far = of(&with_agents(Some("1.27.3"), Some("1.29.6")), "1.29.9");
    assert_eq!(hops(&far), ["NodeAgents 1.29.6", "Istio 1.29.9"]);
    assert!(far.hops[0].notes[0].contains("too far behind"), "{far:?}");
}

#[test]
fn agents_ahead_are_in_the_way_and_unknown_ones_are_noted() {
    let ahead = of(&with_agents(Some("1.30.1"), Some("1.29.6")), "1.30.5");
    assert!(
        ahead.blocked[0].contains("istio-cni runs 1.30.1, ahead of a control plane that runs 1.29.6"),
        "{ahead:?}"
    );
    let newer = of(&with_agents(Some("1.29.8"), Some("1.29.6")), "1.29.7");
    assert!(newer.blocked[0].contains("1.29.7 is older than istio-cni, which runs 1.29.8"), "{newer:?}");
    let unknown = of(&with_agents(Some("1.29.6"), None), "1.30.5");
    assert!(unknown.notes[0].contains("ztunnel") && unknown.blocked.is_empty(), "{unknown:?}");
}

#[test]
fn the_end_of_support_is_told_for_what_runs_and_for_each_hop() {
    let found = of(&situation("1.29.6", "v1.34.4"), "1.30.5");
    let running = &found.running[0];
    assert_eq!(
        (running.version.to_string().as_str(), running.until.as_deref()),
        ("1.29.6", Some("2026-10-15"))
    );
    assert_eq!(running.state, SupportState::Ended);
    let hop = found.hops[0].support.as_ref().unwrap();
    assert_eq!((hop.until.as_deref(), hop.state), (None, SupportState::Supported));
    assert_eq!(of(&situation("1.20.1", "v1.34.4"), "1.30.5").running[0].state, SupportState::Unknown);
}

#[test]
fn every_patch_of_a_hop_that_was_not_taken_is_refused_with_a_reason() {
    let gateways = by_steps(Situation { managed_gateways: true, ..situation("1.28.10", "v1.34.4") });
    let path = of(&gateways, "1.30.5");
    let refused: Vec<_> =
        path.refused.iter().map(|one| (one.what.as_str(), one.source.rsplit('/').next().unwrap())).collect();
    for expected in [("1.29.0 to 1.29.4", "59959"), ("1.29.0 to 1.29.1", "59709"), ("1.29.7 to 1.29.8", "")] {
        assert!(refused.contains(&expected), "{expected:?}: {refused:?}");
    }
    // What strikes only where there are other clusters is told as that.
    let of_clusters = path.refused.iter().find(|one| one.source.ends_with("/59875")).unwrap();
    assert!(of_clusters.why.contains("not known"), "{of_clusters:?}");
    assert_eq!(of_clusters.what, "1.29.0 to 1.29.2");
    // A patch that is worse than an older one is not taken.
    let text = include_str!("../../data/releases.yaml").replace("regressions:\n", "regressions:\n  - {at: arriving, concerns: all, from: 1.29.9, fixed: [], until: '1.30', why: it burns, source: 'https://x/1'}\n");
    let releases = Releases::parse(&text).unwrap();
    let (target, today) = ("1.30.5".parse().unwrap(), "2026-11-29".parse().unwrap());
    let path = super::path(&gateways, &target, &releases, today).unwrap();
    assert_eq!(hops(&path), ["Istio 1.29.8", "Istio 1.30.5"]);
    assert!(path.hops[0].why.contains("least known against it"), "{path:?}");
    assert!(path.refused.iter().any(|one| one.what == "1.29.9" && one.why == "it burns"), "{path:?}");
}
