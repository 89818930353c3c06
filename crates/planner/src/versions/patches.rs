//! Which patch level is taken, and why the others are not.

use std::collections::BTreeSet;

use meshlift_model::names::IstioVersion;
use meshlift_model::upgrade_path::{Refusal, Warning};

use super::path::{SUPPORT, Walk};
use super::releases::{At, Regression, Release};

impl Walk<'_> {
    /// Versions of which the catalogue has the minor version, but not the patch: it may be older than they are.
    pub(super) fn unknown_patches(&mut self, target: &IstioVersion) {
        let releases = self.releases;
        for version in self.situation.running.iter().chain([target]).collect::<BTreeSet<_>>() {
            let release = releases.of((version.major, version.minor));
            if let Some(release) = release.filter(|release| version.patch > release.newest_patch) {
                self.path.notes.push(format!(
                    "{version} is not known to the catalogue of releases of {}, whose newest patch is {}: what is broken \
                     in it is not known either; give a newer one with --catalogue",
                    releases.date,
                    version_of(release, release.newest_patch)
                ));
            }
        }
    }

    /// Patch level of a minor version that is only passed through, or that is left: where it is, unless something is broken
    /// there that a later patch mends.
    pub(super) fn patch(&mut self, release: &Release, at: &IstioVersion) -> IstioVersion {
        let is_left = at.minor == release.minor.1;
        let first = if is_left { at.patch.saturating_add(1) } else { 0 };
        let Some(best) = self.best(release, first) else { return at.clone() };
        if is_left {
            let struck = self.broken(at, At::Leaving, Some(true));
            let mended: Vec<Regression> = struck.into_iter().filter(|one| !one.has(&best)).cloned().collect();
            for one in &mended {
                self.refuse(format!("leaving {at} as it is"), one.why.clone(), &one.source);
            }
            if mended.is_empty() {
                return at.clone();
            }
        }
        self.refuse_others(release, first, &best);
        best
    }

    /// The newest patch from `first` on, of those with the least known against them.
    fn best(&self, release: &Release, first: u32) -> Option<IstioVersion> {
        let patches = (first..=release.newest_patch).rev().map(|patch| version_of(release, patch));
        patches.min_by_key(|version| {
            let known = self.possible().filter(|one| one.has(version));
            let (light, grave): (Vec<_>, Vec<_>) = known.partition(|one| one.light);
            (grave.len(), light.len())
        })
    }

    /// Why the patches from `first` on were not taken: what is broken in them and not in the one that was.
    fn refuse_others(&mut self, release: &Release, first: u32, best: &IstioVersion) {
        let mut rest: BTreeSet<u32> =
            (first..=release.newest_patch).filter(|one| *one != best.patch).collect();
        let mut refused = Vec::new();
        let worse: Vec<&Regression> = self.possible().filter(|one| !one.has(best)).collect();
        let all = rest.clone();
        for one in worse {
            let struck: BTreeSet<u32> =
                all.iter().copied().filter(|patch| one.has(&version_of(release, *patch))).collect();
            if !struck.is_empty() {
                refused.push((ranges(release, &struck), self.words(one), one.source.clone()));
            }
            rest.retain(|patch| !struck.contains(patch));
        }
        if !rest.is_empty() {
            let why = format!("older than {best}, which has nothing more against it");
            refused.push((ranges(release, &rest), why, SUPPORT.to_owned()));
        }
        for (what, why, source) in refused {
            self.refuse(what, why, &source);
        }
    }

    /// Why the target's patch level is no good one, and which is.
    pub(super) fn judge_target(&mut self, release: &Release, target: &IstioVersion) {
        let broken: Vec<Regression> =
            self.broken(target, At::Arriving, Some(true)).into_iter().cloned().collect();
        let newest = version_of(release, release.newest_patch);
        for one in broken.into_iter().filter(|one| !one.light) {
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

    /// What there is to say of a regression of the version that a hop goes to.
    pub(super) fn note(&self, release: &Release, one: &Regression) -> Option<String> {
        let newest = version_of(release, release.newest_patch);
        let words = format!("{} ({})", self.words(one), one.source);
        match (one.light, one.has(&newest)) {
            (false, _) => Some(words),
            (true, false) => Some(format!("{words}; {newest} has it mended")),
            // Nobody can choose another patch for it.
            (true, true) => None,
        }
    }

    /// What strikes whoever leaves the version, and what to do: where a patch of it mends it, that patch, in place.
    pub(super) fn warning(&self, version: &IstioVersion, one: &Regression) -> Warning {
        let release = self.releases.of((version.major, version.minor));
        let later = release.into_iter().flat_map(|release| {
            let patches = (version.patch.saturating_add(1)..=release.newest_patch).rev();
            patches.map(|patch| version_of(release, patch))
        });
        let mended = later.into_iter().find(|patch| !one.has(patch)).map(|patch| {
            format!("upgrade the revision that runs {version} to {patch} itself, before anything moves to another one")
        });
        Warning {
            version: version.clone(),
            why: one.why.clone(),
            remedy: mended.or_else(|| one.remedy.clone()),
            source: one.source.clone(),
        }
    }

    /// Regressions of a version that strike this mesh, or do not, or may.
    pub(super) fn broken(&self, version: &IstioVersion, side: At, strikes: Option<bool>) -> Vec<&Regression> {
        let is_one = |one: &&Regression| {
            (one.at == side || one.at == At::Both)
                && self.situation.is_struck(one.concerns) == strikes
                && one.has(version)
        };
        self.releases.regressions.iter().filter(is_one).collect()
    }

    /// Regressions that strike this mesh, or may, on either side of a hop.
    fn possible(&self) -> impl Iterator<Item = &Regression> {
        self.releases.regressions.iter().filter(|one| self.situation.is_struck(one.concerns) != Some(false))
    }

    /// What a regression does, and what it depends on where that is not known.
    pub(super) fn words(&self, one: &Regression) -> String {
        match self.situation.is_struck(one.concerns) {
            Some(_) => one.why.clone(),
            None => format!(
                "whether the mesh has other clusters is not known, Secrets were not read; if it has: {}",
                one.why
            ),
        }
    }
}

/// `1.29.0 to 1.29.4, 1.29.7`.
fn ranges(release: &Release, patches: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for patch in patches {
        match ranges.last_mut() {
            Some((_, end)) if end.saturating_add(1) == *patch => *end = *patch,
            _ => ranges.push((*patch, *patch)),
        }
    }
    let words = |(first, end): &(u32, u32)| match first == end {
        true => version_of(release, *first).to_string(),
        false => format!("{} to {}", version_of(release, *first), version_of(release, *end)),
    };
    ranges.iter().map(words).collect::<Vec<_>>().join(", ")
}

fn version_of(release: &Release, patch: u32) -> IstioVersion {
    let (major, minor) = release.minor;
    IstioVersion { major, minor, patch, suffix: String::new() }
}
