//! How the path is found.

use meshlift_model::names::{IstioVersion, minor_of};
use meshlift_model::upgrade_path::{Hop, Part, Path, Refusal, Warning};

use super::releases::{At, Minor, Release, line};
use super::situation::Agent;
use super::{Day, Releases, Situation};

/// Where Istio tells how far control planes and proxies may be apart, and how long each version is supported.
pub(super) const SUPPORT: &str = "https://istio.io/latest/docs/releases/supported-releases/";

/// The path from what runs to the target; `None` where nothing runs. `today` decides what is still supported.
#[must_use]
pub fn path(situation: &Situation, target: &IstioVersion, releases: &Releases, today: Day) -> Option<Path> {
    let from = situation.running.iter().next()?.clone();
    let gateway_api = situation.gateway_api.as_deref().and_then(minor_of);
    let agents = situation.agents.clone();
    let mut walk = Walk { situation, releases, today, gateway_api, agents, path: empty(&from, target) };
    walk.path.running = situation.running.iter().map(|version| releases.support(version, today)).collect();
    walk.unknown_patches(target);
    if let Some(why) = no_way(situation, &from, target) {
        walk.path.blocked.push(why);
        return Some(walk.path);
    }
    walk.judge_agents(&from, target);
    walk.run(&from, target);
    Some(walk.path)
}

fn empty(from: &IstioVersion, to: &IstioVersion) -> Path {
    Path {
        from: from.clone(),
        to: to.clone(),
        running: Vec::new(),
        notes: Vec::new(),
        hops: Vec::new(),
        refused: Vec::new(),
        blocked: Vec::new(),
    }
}

/// Why nothing leads to the target.
fn no_way(situation: &Situation, from: &IstioVersion, target: &IstioVersion) -> Option<String> {
    if target.major != from.major {
        return Some(format!(
            "{target} is another major version than {from}, which runs: no path there is known; give a target \
             {}.MINOR.PATCH",
            from.major
        ));
    }
    let of = |version: &IstioVersion| (version.major, version.minor, version.patch);
    let newer = situation.running.iter().find(|version| of(version) > of(target))?;
    Some(format!("{target} is older than {newer}, which runs: a path leads forwards"))
}

pub(super) struct Walk<'a> {
    pub(super) situation: &'a Situation,
    pub(super) releases: &'a Releases,
    today: Day,
    /// Bundle that is installed by then.
    gateway_api: Option<Minor>,
    /// What runs on the nodes by then.
    pub(super) agents: Vec<Agent>,
    pub(super) path: Path,
}

impl Walk<'_> {
    fn run(&mut self, from: &IstioVersion, target: &IstioVersion) {
        let mut at = from.clone();
        let mut kubernetes = self.situation.kubernetes.as_deref().and_then(minor_of);
        if let Some(why) = from.too_far_to_jump(target) {
            let why = format!("{why}: revisions may be at most two apart");
            self.refuse(format!("{from} to {target} in one hop"), why, SUPPORT);
        }
        let releases = self.releases;
        let mut minor = from.minor;
        loop {
            let last = minor == target.minor;
            let Some(release) = releases.of((target.major, minor)) else {
                let known = releases.minors.last().map_or(String::new(), |newest| line(newest.minor));
                self.path.blocked.push(format!(
                    "{}.{minor} is not in the catalogue of releases of {} (newest: {known}); give a newer one with --catalogue",
                    target.major, releases.date
                ));
                return;
            };
            let to = if last { target.clone() } else { self.patch(release, &at) };
            if last {
                self.judge_target(release, target);
            }
            if to != at {
                self.agents_first(&at, &to);
                if minor > at.minor {
                    kubernetes = self.make_room(&at, release, kubernetes);
                    self.gateway_api(&at, release);
                }
                self.istio(release, &at, &to, last);
                at = to;
            }
            if last {
                return;
            }
            minor = self.next_minor(&at, target);
        }
    }

    /// The hop of Istio itself.
    fn istio(&mut self, release: &Release, at: &IstioVersion, to: &IstioVersion, last: bool) {
        let mends = !last && to.minor == at.minor;
        let mut notes = self.notes(release, at, to, last);
        if mends {
            notes.push(format!(
                "upgrade this revision itself: what moves to another one leaves {at} as it is"
            ));
        }
        // What is upgraded in place leaves nothing.
        let warnings = if mends { Vec::new() } else { self.warnings(at, to) };
        self.path.hops.push(Hop {
            what: Part::Istio,
            to: to.to_string(),
            why: why(release, at, to, last),
            support: Some(self.releases.support(to, self.today)),
            warnings,
            notes,
        });
        if to.minor > at.minor {
            self.agents_follow(to);
        }
    }

    /// A hop of what has to come before Istio's.
    pub(super) fn first(&mut self, what: Part, to: String, why: String, notes: Vec<String>) {
        self.path.hops.push(Hop { what, to, why, support: None, warnings: Vec::new(), notes });
    }

    /// What breaks whoever leaves the versions that this hop leaves.
    fn warnings(&self, at: &IstioVersion, to: &IstioVersion) -> Vec<Warning> {
        let others = self.situation.running.iter().filter(|version| *version > at && *version < to);
        let of = |version: &IstioVersion| {
            let struck = self.broken(version, At::Leaving, Some(true));
            struck.iter().map(|one| self.warning(version, one)).collect::<Vec<_>>()
        };
        std::iter::once(at).chain(others).flat_map(of).collect()
    }

    /// Kubernetes within the window of the release that comes.
    fn make_room(
        &mut self,
        at: &IstioVersion,
        release: &Release,
        kubernetes: Option<Minor>,
    ) -> Option<Minor> {
        let [oldest, newest] = release.kubernetes;
        let now = kubernetes?;
        if now < oldest {
            let notes = self.kubernetes_in_between(at, oldest);
            let why =
                format!("{} runs on Kubernetes {} to {}", line(release.minor), line(oldest), line(newest));
            self.first(Part::Kubernetes, line(oldest), why, notes);
            return Some(oldest);
        }
        Some(now)
    }

    /// Whether what runs before supports the Kubernetes that comes.
    fn kubernetes_in_between(&self, at: &IstioVersion, kubernetes: Minor) -> Vec<String> {
        let before = self.releases.of((at.major, at.minor));
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
    fn gateway_api(&mut self, at: &IstioVersion, release: &Release) {
        let (Some(least), Some(installed)) = (release.gateway_api_least, self.gateway_api) else { return };
        if least <= installed || self.situation.tls_routes == Some(false) {
            return;
        }
        let why = format!(
            "{} does not read TLSRoutes of older bundles; {} is installed",
            line(release.minor),
            line(installed)
        );
        let notes = vec![
            "bundles from 1.5 on bring a policy that refuses the way back".to_owned(),
            format!(
                "{} may ignore TLSRoutes of this bundle: install it just before the hop",
                at.minor_line()
            ),
        ];
        self.first(Part::GatewayApi, line(least), why, notes);
        self.gateway_api = Some(least);
    }

    fn notes(&self, release: &Release, at: &IstioVersion, to: &IstioVersion, last: bool) -> Vec<String> {
        let mut notes = Vec::new();
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
        if to.minor > at.minor {
            notes.extend(self.order_of_agents());
        }
        notes.extend(self.notes_of_jump(at, to));
        let arriving =
            [Some(true), None].into_iter().flat_map(|strikes| self.broken(to, At::Arriving, strikes));
        notes.extend(arriving.filter_map(|one| self.note(release, one)));
        for one in self.broken(at, At::Leaving, None) {
            notes.push(format!("leaving {at}: {} ({})", self.words(one), one.source));
        }
        let later = self.broken(to, At::Leaving, Some(true));
        for one in later.iter().filter(|one| last && one.at == At::Leaving) {
            notes.push(format!("when it is left again: {} ({})", one.why, one.source));
        }
        notes
    }

    pub(super) fn refuse(&mut self, what: String, why: String, source: &str) {
        self.path.refused.push(Refusal { what, why, source: source.to_owned() });
    }
}

fn why(release: &Release, at: &IstioVersion, to: &IstioVersion, last: bool) -> String {
    match (to.minor == at.minor, last) {
        (true, false) => format!("mends what is broken in {at} before anything leaves it"),
        (true, true) => format!("a patch of {}", to.minor_line()),
        (false, false) if to.patch < release.newest_patch => {
            format!("the patch of {} with the least known against it, on the way", to.minor_line())
        }
        (false, false) => format!("the newest patch of {}, on the way", to.minor_line()),
        (false, true) => "the target".to_owned(),
    }
}
