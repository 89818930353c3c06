//! How the path is found.

use meshlift_model::names::{IstioVersion, minor_of};
use meshlift_model::upgrade_path::{Hop, Part, Path, Refusal};

use super::releases::{At, Minor, Regression, Release, line};
use super::{Day, Releases, Situation};

/// Where Istio tells how far control planes and proxies may be apart, and how long each version is supported.
const SUPPORT: &str = "https://istio.io/latest/docs/releases/supported-releases/";

/// The path from what runs to the target; `None` where nothing runs. `today` decides what is still supported.
#[must_use]
pub fn path(situation: &Situation, target: &IstioVersion, releases: &Releases, today: Day) -> Option<Path> {
    let from = situation.running.iter().next()?.clone();
    let gateway_api = situation.gateway_api.as_deref().and_then(minor_of);
    let mut walk = Walk { situation, releases, today, gateway_api, path: empty(&from, target) };
    if (target.major, target.minor, target.patch) < (from.major, from.minor, from.patch) {
        walk.path.blocked.push(format!("{target} is older than {from}: a path leads forwards"));
        return Some(walk.path);
    }
    walk.run(&from, target);
    Some(walk.path)
}

fn empty(from: &IstioVersion, to: &IstioVersion) -> Path {
    Path { from: from.clone(), to: to.clone(), hops: Vec::new(), refused: Vec::new(), blocked: Vec::new() }
}

struct Walk<'a> {
    situation: &'a Situation,
    releases: &'a Releases,
    today: Day,
    /// Bundle that is installed by then.
    gateway_api: Option<Minor>,
    path: Path,
}

impl Walk<'_> {
    fn run(&mut self, from: &IstioVersion, target: &IstioVersion) {
        let mut at = from.clone();
        let mut kubernetes = self.situation.kubernetes.as_deref().and_then(minor_of);
        if target.minor > from.minor + 1 {
            self.refuse(
                format!("{from} to {target} in one hop"),
                "a control plane may be one minor version ahead of its proxies, never more".to_owned(),
                SUPPORT,
            );
        }
        for minor in from.minor..=target.minor {
            let last = minor == target.minor;
            let Some(release) = self.releases.of((target.major, minor)).cloned() else {
                let known = self.releases.minors.last().map_or(String::new(), |newest| line(newest.minor));
                self.path.blocked.push(format!(
                    "{}.{minor} is not in the catalogue of releases of {} (newest: {known}); give a newer one with --catalogue",
                    target.major, self.releases.date
                ));
                return;
            };
            let to = if last { target.clone() } else { self.patch(&release, &at) };
            if last {
                self.judge_target(&release, target);
            }
            if to == at {
                continue;
            }
            if minor > at.minor {
                kubernetes = self.make_room(&release, kubernetes);
                self.gateway_api(&release);
            }
            let why = why(&at, &to, last);
            let notes = self.notes(&release, &at, &to);
            self.path.hops.push(Hop { what: Part::Istio, to: to.to_string(), why, notes });
            at = to;
        }
    }

    /// Patch level of a minor version that is only passed through, or that is left: where it is, unless something is broken
    /// there that its newest patch mends.
    fn patch(&mut self, release: &Release, at: &IstioVersion) -> IstioVersion {
        let newest = version(release, release.newest_patch);
        if at.minor != release.minor.1 {
            return newest;
        }
        let struck: Vec<Regression> = self.struck(at, At::Leaving).into_iter().cloned().collect();
        let mended = struck.iter().filter(|one| !one.has(&newest)).collect::<Vec<_>>();
        for one in &mended {
            self.refuse(format!("leaving {at} as it is"), one.why.clone(), &one.source);
        }
        if mended.is_empty() { at.clone() } else { newest }
    }

    /// Why the target's patch level is no good one, and which is.
    fn judge_target(&mut self, release: &Release, target: &IstioVersion) {
        let broken: Vec<Regression> = self.struck(target, At::Arriving).into_iter().cloned().collect();
        let newest = version(release, release.newest_patch);
        for one in broken {
            let better = if one.has(&newest) { String::new() } else { format!("; {newest} has it mended") };
            self.path.blocked.push(format!("{target}: {} ({}){better}", one.why, one.source));
        }
        if target.patch < release.newest_patch {
            self.path.refused.push(Refusal {
                what: newest.to_string(),
                why: format!("newer than the target that was asked for, {target}"),
                source: SUPPORT.to_owned(),
            });
        }
    }

    fn struck(&self, version: &IstioVersion, side: At) -> Vec<&Regression> {
        self.broken(version, side, Some(true))
    }

    /// Regressions of a version that strike this mesh, or do not, or may.
    fn broken(&self, version: &IstioVersion, side: At, strikes: Option<bool>) -> Vec<&Regression> {
        let is_one = |one: &&Regression| {
            (one.at == side || one.at == At::Both)
                && self.situation.is_struck(one.concerns) == strikes
                && one.has(version)
        };
        self.releases.regressions.iter().filter(is_one).collect()
    }

    /// Kubernetes within the window of the release that comes.
    fn make_room(&mut self, release: &Release, kubernetes: Option<Minor>) -> Option<Minor> {
        let [oldest, newest] = release.kubernetes;
        let now = kubernetes?;
        if now < oldest {
            let notes = self.kubernetes_in_between(release, oldest);
            self.path.hops.push(Hop {
                what: Part::Kubernetes,
                to: line(oldest),
                why: format!(
                    "{} runs on Kubernetes {} to {}",
                    line(release.minor),
                    line(oldest),
                    line(newest)
                ),
                notes,
            });
            return Some(oldest);
        }
        Some(now)
    }

    /// Whether what runs before supports the Kubernetes that comes.
    fn kubernetes_in_between(&self, release: &Release, kubernetes: Minor) -> Vec<String> {
        let before = self.releases.of((release.minor.0, release.minor.1.saturating_sub(1)));
        let outside = before.filter(|before| kubernetes > before.kubernetes[1]);
        let words = |before: &Release| {
            format!(
                "{} supports Kubernetes up to {}: keep this state short",
                line(before.minor),
                line(before.kubernetes[1])
            )
        };
        outside.map(words).into_iter().collect()
    }

    /// The bundle of the Gateway API that the release wants, where an older one is installed.
    fn gateway_api(&mut self, release: &Release) {
        let (Some(least), Some(installed)) = (release.gateway_api_least, self.gateway_api) else { return };
        if least <= installed || self.situation.tls_routes == Some(false) {
            return;
        }
        let why = format!(
            "{} does not read TLSRoutes of older bundles; {} is installed",
            line(release.minor),
            line(installed)
        );
        let before = release.minor.1.saturating_sub(1);
        let notes = vec![
            "bundles from 1.5 on bring a policy that refuses the way back".to_owned(),
            format!(
                "{}.{before} may ignore TLSRoutes of this bundle: install it just before the hop",
                release.minor.0
            ),
        ];
        self.path.hops.push(Hop { what: Part::GatewayApi, to: line(least), why, notes });
        self.gateway_api = Some(least);
    }

    fn notes(&self, release: &Release, at: &IstioVersion, to: &IstioVersion) -> Vec<String> {
        let mut notes = Vec::new();
        let ended =
            release.end_of_life.as_ref().filter(|end| end.parse::<Day>().is_ok_and(|end| end < self.today));
        if let Some(end) = ended {
            notes.push(format!("{} has had no support since {end}", line(release.minor)));
        }
        let kubernetes = self.situation.kubernetes.as_deref().and_then(minor_of);
        if let Some(now) = kubernetes.filter(|now| *now > release.kubernetes[1]) {
            let newest = line(release.kubernetes[1]);
            notes.push(format!(
                "supports Kubernetes up to {newest}, the cluster runs {}: untested",
                line(now)
            ));
        }
        if let (Some(least), Some(installed)) = (release.gateway_api_least, self.gateway_api)
            && least > installed
            && to.minor > at.minor
        {
            let (least, installed) = (line(least), line(installed));
            notes.push(format!(
                "TLSRoutes are read from Gateway API {least} on; there are none, so {installed} may stay"
            ));
        }
        if self.situation.ambient && to.minor > at.minor {
            notes.push("control plane first, then istio-cni, then ztunnel node by node".to_owned());
        }
        for one in self.struck(to, At::Arriving) {
            notes.push(format!("{} ({})", one.why, one.source));
        }
        for one in self.broken(to, At::Arriving, None) {
            let unknown =
                "whether the mesh has other clusters is not known, Secrets were not read; if it has";
            notes.push(format!("{unknown}: {} ({})", one.why, one.source));
        }
        notes
    }

    fn refuse(&mut self, what: String, why: String, source: &str) {
        self.path.refused.push(Refusal { what, why, source: source.to_owned() });
    }
}

fn why(at: &IstioVersion, to: &IstioVersion, last: bool) -> String {
    match (to.minor == at.minor, last) {
        (true, false) => format!("mends what is broken in {at} before anything leaves it"),
        (true, true) => format!("a patch of {}", to.minor_line()),
        (false, false) => format!("the newest patch of {}, on the way", to.minor_line()),
        (false, true) => "the target".to_owned(),
    }
}

fn version(release: &Release, patch: u32) -> IstioVersion {
    let (major, minor) = release.minor;
    IstioVersion { major, minor, patch, suffix: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn further_away_every_minor_version_is_passed_in_its_newest_patch() {
        let found = of(&situation("1.27.9", "v1.33.1"), "1.30.5");
        assert_eq!(hops(&found), ["Istio 1.28.10", "Istio 1.29.9", "Istio 1.30.5"]);
        assert!(found.refused.iter().any(|one| one.what == "1.27.9 to 1.30.5 in one hop"));
        assert!(found.hops[0].notes.iter().any(|note| note.contains("no support since 2026-07-01")));
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
        assert_eq!(hops(&of(&far, "1.31.1")), ["GatewayApi 1.5", "Istio 1.30.5", "Istio 1.31.1"]);
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
}
